//! The cluster's metadata as controller and brokers hold it: the state at a prefix of the log.

mod image;
mod snapshot;

pub use image::{BrokerImage, Image, TopicImage, supersedes};
