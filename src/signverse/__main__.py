"""`python -m signverse`: the same as the command."""

from signverse.command_line import main

if __name__ == "__main__":
    main()
