//! Where text goes. A reader who has gone away (`assize list | head`) is no error.

use std::io::{ErrorKind, Write};

/// What the two streams lead to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Screen {
    /// Colors on the standard output.
    pub color: bool,
    /// Colors and drawn diagnostics on the standard error.
    pub error_color: bool,
    /// A progress bar on the standard error.
    pub progress: bool,
}

/// The two streams of a command.
pub struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    screen: Screen,
    closed: bool,
    failed: bool,
}

/// A word that is painted on terminals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Paint {
    Good,
    Bad,
    Doubtful,
    Faint,
    Strong,
}

impl Paint {
    /// The text in this paint.
    pub(super) fn on(self, text: &str, color: bool) -> String {
        if !color {
            return text.to_owned();
        }
        let code = match self {
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Doubtful => "33",
            Self::Faint => "2",
            Self::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl<'a> Console<'a> {
    /// A console on two streams.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, screen: Screen) -> Self {
        Self { out, err, screen, closed: false, failed: false }
    }

    /// What the streams lead to.
    #[must_use]
    pub const fn screen(&self) -> Screen {
        self.screen
    }

    /// A line of results.
    pub fn line(&mut self, text: &str) {
        if self.closed {
            return;
        }
        let written = writeln!(self.out, "{text}");
        self.note(written);
    }

    /// Nothing more is written after an error; one that is no reader gone away is told.
    fn note(&mut self, written: std::io::Result<()>) {
        let Err(error) = written else { return };
        self.closed = true;
        if error.kind() != ErrorKind::BrokenPipe {
            self.failed = true;
            self.error(&format!("error: cannot write the results: {error}"));
        }
    }

    /// Whether results were lost that somebody wanted to keep.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether nobody reads the results any more.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// A line for the person in front of it. Nothing can be done when this fails.
    pub fn error(&mut self, text: &str) {
        let _nobody_listens = writeln!(self.err, "{text}");
    }

    /// Passes on what was written.
    pub fn flush(&mut self) {
        if !self.closed {
            let flushed = self.out.flush();
            self.note(flushed);
        }
        let _nobody_listens = self.err.flush();
    }

    /// A text in a paint, when the results are in color.
    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        paint.on(text, self.screen.color)
    }
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("screen", &self.screen).finish_non_exhaustive()
    }
}
