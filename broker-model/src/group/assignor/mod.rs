//! Client-side assignors of the classic protocol, as pure functions.
