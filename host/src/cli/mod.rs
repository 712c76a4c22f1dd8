//! The command line: arguments, printing, exit codes; one file per verb.
