//! What a broker remembers of those who fetch: sessions (KIP-227) with the partitions that
//! have news, and the fetches that wait for data.

mod session;
mod sessions;

pub(crate) use session::{FetchParams, Session, Slot, Standing};
pub(crate) use sessions::{News, Sessions};

#[cfg(test)]
mod tests;
