//! `assize dialogue`: scripts of requests with the model's replies.

use std::panic::catch_unwind;
use std::path::Path;

use super::args::DialogueArgs;
use super::console::Console;
use super::execute::reason;
use super::exit::{Exit, Failure};
use super::scene::bytes_of;
use crate::dialogue;

pub(super) fn command(args: &DialogueArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut exit = Exit::Expected;
    for file in &args.files {
        match run(file) {
            Ok((recorded, given)) if args.check => {
                let same = compare(file, &recorded, &given, console);
                exit = exit.worse(if same { Exit::Expected } else { Exit::Safety });
            }
            Ok((_, given)) => console.line(given.trim_end_matches('\n')),
            Err(failure) => {
                console.error(&failure.text);
                exit = exit.worse(failure.exit);
            }
        }
    }
    Ok(exit)
}

/// The script with its recorded replies, and with the model's.
fn run(file: &Path) -> Result<(String, String), Failure> {
    let name = file.display();
    let wrong = |reason: String| Failure::new(Exit::Scenario, format!("error: {name}: {reason}"));
    let bytes = bytes_of(file).map_err(wrong)?;
    if bytes.len() > scenarios::SIZE_MAX {
        return Err(wrong(format!("it has more than the limit of {} bytes", scenarios::SIZE_MAX)));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let given = catch_unwind(|| dialogue::run(&text)).map_err(|panic| {
        let text = format!(
            "error: this is a bug in assize, not in your dialogue: {}\n  dialogue {name}",
            reason(panic.as_ref())
        );
        Failure::new(Exit::Bug, text)
    })?;
    match given {
        Ok(given) => Ok((text, given)),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Whether the two agree; if not, the first difference is told.
fn compare(file: &Path, recorded: &str, given: &str, console: &mut Console<'_>) -> bool {
    let name = file.display();
    if recorded.trim_end() == given.trim_end() {
        console.line(&format!("{name}: ok"));
        return true;
    }
    let (mut left, mut right) = (recorded.lines(), given.lines());
    for number in 1.. {
        let (one, two) = (left.next(), right.next());
        if one != two {
            let told = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
            console.line(&format!("{name}:{number}: differs"));
            console.line(&format!("  recorded  {}", told(one)));
            console.line(&format!("  model     {}", told(two)));
            break;
        }
    }
    false
}
