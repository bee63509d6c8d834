"""`python -m runlore.cli`: the command without the script that the installer makes."""

from runlore.cli import main

main()
