//! Measurements: latency from intended time, throughput, lag, and series on one grid of
//! simulated time.

mod flow;
mod grid;
mod histogram;
mod lag;
mod latency;
mod latency_series;
mod throughput;
mod timeline;

pub use flow::{ByPhase, Flow};
pub use grid::Grid;
pub use histogram::{Histogram, QUANTILES, Quantile};
pub use lag::{GroupLag, Lag};
pub use latency::{END_TO_END, Latency, StageId};
pub use latency_series::LatencySeries;
pub use throughput::{Throughput, TopicThroughput};
pub use timeline::{BrokerSeries, BrokerUse, FaultWindow, Resource, Timeline};
