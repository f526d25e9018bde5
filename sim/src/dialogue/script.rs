//! How a dialogue is read: line by line, whatever it is with.

use super::{DialogueError, DialogueErrorKind};

/// Whom a dialogue is with.
pub(super) trait Script: Sized {
    /// The word of the command that starts it, perhaps anew.
    const OPENING: &'static str;

    /// Starts it by the words behind the opening.
    fn begin(settings: &str) -> Result<Self, DialogueErrorKind>;

    /// Carries a command out. Adds the lines of its reply.
    fn command(&mut self, command: &str, reply: &mut Vec<String>) -> Result<(), DialogueErrorKind>;
}

/// Runs a dialogue and gives it back with the model's replies.
pub(super) fn run<S: Script>(text: &str) -> Result<String, DialogueError> {
    let mut with: Option<S> = None;
    let mut out = String::new();
    let mut reply = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let at = |kind| DialogueError { line: number, kind };
        if line.starts_with('<') {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let Some(command) = line.strip_prefix('>').map(str::trim) else {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            return Err(at(DialogueErrorKind::NoLine));
        };
        if command.contains(|c: char| c.is_control() && c != '\t') {
            return Err(at(DialogueErrorKind::ControlCharacter));
        }
        match command.split_once(char::is_whitespace).unwrap_or((command, "")) {
            (word, settings) if word == S::OPENING => with = Some(S::begin(settings).map_err(at)?),
            _ => {
                let with = with.as_mut().ok_or_else(|| at(DialogueErrorKind::NotBegun(S::OPENING)));
                with?.command(command, &mut reply).map_err(at)?;
            }
        }
        for line in reply.drain(..) {
            out.push_str(format!("< {line}").trim_end());
            out.push('\n');
        }
    }
    Ok(out)
}
