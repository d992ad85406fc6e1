"""What runs in the process that makes plans?"""

from nostro.adapters.netting.worker import main

if __name__ == "__main__":
    main()
