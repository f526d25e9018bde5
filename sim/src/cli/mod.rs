//! The command line: arguments in, runs, text and exit codes out.
//!
//! Results go to the standard output, progress and errors to the standard error. Nothing here
//! decides anything in a run: a clock, threads and the file system are used around the
//! simulator, never in it.

mod args;
mod check;
mod clock;
mod console;
mod diagnosis;
mod dialogue;
mod execute;
mod exit;
mod explain;
mod feature;
mod folder;
mod honesty;
mod library;
mod lines;
mod list;
mod merge;
mod meta;
mod named;
mod part;
mod pipeline;
mod regression;
mod replay;
mod report;
mod run;
mod scene;
mod scope;
#[cfg(test)]
mod scratch;
mod settings;
mod shell;
mod shrink;
mod steps;
mod story;
mod sweep;
mod table;
mod telling;
mod threads;
mod token;
mod zoo;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use clap::error::ErrorKind;

pub use console::{Console, Screen};
pub use execute::BUG;
pub use exit::Exit;

use args::{Arguments, Command};
use exit::Failure;

/// Runs a command line (the program's name first) with plain text, and gives its exit code.
pub fn main_with<I, A>(args: I, stdout: &mut dyn Write, stderr: &mut dyn Write) -> i32
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    main_on(args, &mut Console::new(stdout, stderr, Screen::default()))
}

/// Runs a command line (the program's name first) on a console, and gives its exit code.
pub fn main_on<I, A>(args: I, console: &mut Console<'_>) -> i32
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    let exit = match Arguments::try_parse_from(args) {
        Ok(arguments) => dispatch(arguments.command, console).unwrap_or_else(|failure| {
            if !failure.text.is_empty() {
                console.error(&failure.text);
            }
            failure.exit
        }),
        Err(error) => refused(&error, console),
    };
    console.flush();
    let exit = if console.has_failed() { exit.worse(Exit::Temporary) } else { exit };
    exit.code()
}

fn dispatch(command: Command, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::command(&args, console),
        Command::Sweep(args) => sweep::command(&args, console),
        Command::Merge(args) => merge::command(&args, console),
        Command::Steps(args) => steps::command(&args, console),
        Command::Scope(args) => scope::command(&args, console),
        Command::Replay(args) => replay::command(&args, console),
        Command::Shrink(args) => shrink::command(&args, console),
        Command::Meta(args) => meta::command(&args, console),
        Command::Check(args) => check::command(&args, console),
        Command::List(args) => list::command(&args, console),
        Command::Zoo(args) => zoo::command(&args, console),
        Command::Explain(args) => explain::command(&args, console),
        Command::Dialogue(args) => dialogue::command(&args, console),
    }
}

/// What clap has to say: help and version are results, the rest is a mistake in usage.
fn refused(error: &clap::Error, console: &mut Console<'_>) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let colored = console.screen().color;
            let text = if colored { text.ansi().to_string() } else { text.to_string() };
            console.line(text.trim_end());
            Exit::Expected
        }
        _ => {
            let text = error.render();
            let colored = console.screen().error_color;
            let text = if colored { text.ansi().to_string() } else { text.to_string() };
            console.error(text.trim_end());
            Exit::Usage
        }
    }
}
