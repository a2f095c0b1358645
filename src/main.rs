//! Arguments, a command, an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    alertik::cli::run(std::env::args_os().skip(1)).into()
}
