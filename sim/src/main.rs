//! The assize command line.

use std::io::{IsTerminal, stderr, stdout};
use std::process::ExitCode;

use assize::cli::{self, Console, Screen};

fn main() -> ExitCode {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let screen = Screen {
        color: stdout().is_terminal() && !plain,
        error_color: stderr().is_terminal() && !plain,
        progress: stderr().is_terminal(),
    };
    let (mut out, mut err) = (stdout(), stderr());
    let mut console = Console::new(&mut out, &mut err, screen);
    let code = cli::main_on(std::env::args_os(), &mut console);
    ExitCode::from(u8::try_from(code).expect("every exit code fits a byte"))
}
