//! Evidence, judgement, rendering: what clients of a run saw, what it means, how it is told.
//!
//! This package judges only what clients could see. It knows neither the simulator nor the
//! broker model, draws no random number and reads no clock: ids are plain integers, times
//! are simulated nanoseconds since the start of the run, and the same calls give the same
//! bytes.
//!
//! Flow: the simulator calls a [`history::Recorder`] as operations start and end, one call a
//! batch; the recorder folds them into bits and counters per record, feeds the streaming
//! [`checker`]s and [`metric`]s, and forgets. At the end the simulator reads every log once
//! ([`history::Recorder::audit`]), asks for the verdicts
//! ([`history::Recorder::judge`]), fills a [`summary::Summary`] and renders it.
//!
//! Errors: nothing here fails on what a run did; a call that contradicts its own contract
//! (an undeclared topic, a transaction ended twice) is a bug in the caller and panics.
//!
//! Read first: [`history::Recorder`], [`checker::Finding`], [`summary::Summary`].

pub mod checker;
pub mod history;
pub mod metric;
pub mod number;
pub mod render;
pub mod story;
pub mod summary;
