//! What happened in a small run, in order of events: who believed what, and where that parted from
//! what is true.

mod picture;

use serde::{Serialize, Serializer};

pub use picture::{Arrow, Line, Mark, MarkKind, Picture, Span, SpanKind};

/// What a moment is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MomentKind {
    /// A fault strikes or ends.
    Fault,
    /// A process ends or begins.
    Process,
    /// A partition gets a leader or loses it, and who knows of it.
    Leader,
    /// The ISR or the eligible leader replicas change.
    Isr,
    /// Records are appended, copied, acknowledged or cut.
    Log,
    /// A message comes late, or never.
    Message,
    /// A transaction goes on, or its producer is fenced.
    Transaction,
    /// A consumer group changes, or somebody commits offsets.
    Group,
    /// How far everybody is.
    State,
    /// A check or an invariant is violated.
    Violation,
    /// Truth and belief part.
    Parting,
}

/// One line of a story.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Moment {
    /// When, simulated seconds since boot.
    pub at_s: f64,
    /// The same, since the load phase began, as the scenario file counts; negative before.
    pub load_s: Option<f64>,
    /// What it is about.
    pub kind: MomentKind,
    /// What happened, a sentence with its final period.
    pub text: String,
}

/// The story of a run in which something was violated.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    /// What it explains: the anomaly with its first evidence.
    pub about: String,
    /// Its lines, in order of events.
    pub moments: Vec<Moment>,
    /// Moments of less weight that were left out.
    pub left_out: usize,
    /// The same as a diagram.
    pub picture: Picture,
}

/// The list of its lines.
impl Serialize for Story {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.moments.serialize(serializer)
    }
}

impl Moment {
    /// Its time as people read it, in seconds with three decimals: into the load where that is
    /// known, else since boot.
    #[must_use]
    pub fn time(&self) -> String {
        format!("{:.3} s", self.load_s.unwrap_or(self.at_s))
    }
}

impl Story {
    /// The whole story as plain text, a line each, no line longer than `width` characters where
    /// words allow it. Ends with a line end.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let mut text = format!("{}\n", self.about);
        let times: Vec<String> = self.moments.iter().map(Moment::time).collect();
        let column = times.iter().map(String::len).max().unwrap_or(0);
        for (moment, time) in self.moments.iter().zip(&times) {
            let mark = if moment.is_loud() { ">" } else { " " };
            let head = format!("{mark} {time:>column$}  ");
            let indent = head.len();
            for (number, line) in
                wrapped(&moment.text, width.saturating_sub(indent)).iter().enumerate()
            {
                let lead = if number == 0 { head.clone() } else { " ".repeat(indent) };
                text.push_str(&format!("{lead}{line}\n"));
            }
        }
        if self.left_out > 0 {
            let count = self.left_out;
            let noun = if count == 1 { "moment" } else { "moments" };
            text.push_str(&format!("  ({count} lesser {noun} left out)\n"));
        }
        text
    }
}

impl Moment {
    /// Whether a reader must not miss it.
    #[must_use]
    pub const fn is_loud(&self) -> bool {
        matches!(self.kind, MomentKind::Violation | MomentKind::Parting)
    }
}

/// Lines of at most so many characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Moment, MomentKind, Picture, Story};

    #[test]
    fn a_story_is_text_in_columns() {
        let moment = |load_s: Option<f64>, kind, text: &str| Moment {
            at_s: 12.0,
            load_s,
            kind,
            text: text.to_owned(),
        };
        let story = Story {
            about: "lost-acknowledged: record 7".to_owned(),
            moments: vec![
                moment(Some(1.5), MomentKind::Fault, "Broker 1 is cut off from all the others."),
                moment(None, MomentKind::Parting, "Record 7 is in no log."),
            ],
            left_out: 1,
            picture: Picture::default(),
        };
        assert_eq!(
            story.text(36),
            "lost-acknowledged: record 7\n   1.500 s  Broker 1 is cut off from\n            all the others.\n\
             > 12.000 s  Record 7 is in no log.\n  (1 lesser moment left out)\n"
        );
    }
}
