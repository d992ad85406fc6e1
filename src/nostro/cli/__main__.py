"""How is the command line started where the script `nostro` is not on the path?"""

from nostro.cli import main

if __name__ == "__main__":
    main()
