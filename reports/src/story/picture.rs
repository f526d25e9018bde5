//! A story as a space-time diagram: what is drawn, and when; how it is drawn is `render`'s.
//!
//! Times are simulated nanoseconds since boot.

/// A diagram: a lane for each node and client, time along it, messages between them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Picture {
    /// Names of the lanes, in order.
    pub lanes: Vec<String>,
    /// Messages.
    pub arrows: Vec<Arrow>,
    /// What happened on a lane.
    pub marks: Vec<Mark>,
    /// What was so on a lane for a while.
    pub spans: Vec<Span>,
    /// What concerns all lanes: violations, and where truth and belief part.
    pub lines: Vec<Line>,
    /// The partition whose leaders are drawn.
    pub leaders_of: Option<String>,
    /// When the load began.
    pub load_from: Option<u64>,
    /// Messages that mattered less and are not drawn.
    pub arrows_left_out: usize,
    /// Lanes that had no room.
    pub lanes_left_out: usize,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrow {
    /// The sender's lane.
    pub from: usize,
    /// The receiver's lane.
    pub to: usize,
    /// When it was sent.
    pub sent: u64,
    /// When it arrived; none if it never did.
    pub arrived: Option<u64>,
    /// It took much longer than usual.
    pub late: bool,
    /// What it says, in a few words.
    pub label: String,
}

/// Something that happened on a lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The lane.
    pub lane: usize,
    /// When.
    pub at: u64,
    /// What kind of thing.
    pub kind: MarkKind,
    /// In a few words.
    pub label: String,
}

/// Kinds of marks: each has a shape of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarkKind {
    /// A fault strikes, or ends.
    Fault,
    /// A process begins.
    Start,
    /// Something was written, decided or learned.
    Event,
    /// The end of a log is gone.
    Cut,
}

/// Something that was so for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// The lane.
    pub lane: usize,
    /// Since when.
    pub from: u64,
    /// Until when; none if until the end.
    pub until: Option<u64>,
    /// What.
    pub kind: SpanKind,
    /// In a few words.
    pub label: String,
}

/// Kinds of spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpanKind {
    /// It takes itself for the leader of the partition.
    Leads,
    /// Its process does not run.
    Down,
    /// A fault other than that is in force.
    Fault,
}

/// A line across all lanes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// When.
    pub at: u64,
    /// Truth and belief part here; else something was violated.
    pub parting: bool,
    /// In a few words.
    pub label: String,
}
