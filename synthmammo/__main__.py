"""`python -m synthmammo` and the console script."""

from synthmammo.cli.main import main

if __name__ == "__main__":
    main()
