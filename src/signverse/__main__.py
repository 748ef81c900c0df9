"""`python -m signverse`: the same as the command."""

from signverse import main

if __name__ == "__main__":
    main()
