"""What a lake is: schemas, the skeleton, languages, opening, committing, querying."""
