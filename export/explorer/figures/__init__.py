"""What the page's other pages tell, in figures. Knows neither requests nor routes.

- languages.py: clips, hours, videos and channels by language, and how balanced they are.
- quality.py: how confidence, coverage and captions are spread in each language.
- adding.py: sums by group. naming.py: languages by code, with their names.
- status.py: the status of a corpus that is being built, as `signverse status` has it.
"""
