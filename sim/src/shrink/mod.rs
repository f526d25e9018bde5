//! Failures made small: what caused them, and the least that still does.

mod cause;

pub use cause::Cause;
