"""Exit codes of the commands `symfft` and `symfft-vae`."""

from __future__ import annotations

#: The command did what it was asked to do.
DONE = 0
#: The answer is no: a density breaks the symmetry, or a grid that must carry it does not; a generated file does not
#: hold what it should.
NEGATIVE = 1
#: Wrong usage, unreadable input, an output that exists or cannot be written, not enough memory.
FAILED = 2
#: An error of the program itself, which should be reported.
INTERNAL = 70
#: Interrupted from the keyboard, as shells report SIGINT.
INTERRUPTED = 130
#: The reader of standard output has gone, as shells report SIGPIPE.
PIPE_CLOSED = 141

#: One line for the help of a command.
SUMMARY = (
    "exit codes: 0 done; 1 the answer is no (broken symmetry); 2 wrong usage, unreadable input or unwritable output; "
    "70 internal error; 130 interrupted; 141 output closed"
)
