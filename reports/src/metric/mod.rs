//! Measurements: latency from intended time, throughput, lag, and series on one grid of
//! simulated time.

mod grid;
mod histogram;
mod lag;
mod latency;
mod throughput;
mod timeline;

pub use grid::Grid;
pub use histogram::{Histogram, QUANTILES, Quantile};
pub use lag::{GroupLag, Lag};
pub use latency::{END_TO_END, Latency, StageId};
pub use throughput::{Throughput, TopicThroughput};
pub use timeline::{BrokerSeries, FaultWindow, Resource, Timeline};
