//! The follower's side of replication: which partitions a broker copies, and from whom.

mod fetcher;
mod fetchers;
mod historic;

pub(crate) use fetchers::Fetchers;

#[cfg(test)]
mod tests;
