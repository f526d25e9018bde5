//! What compression costs a service: its loop decompresses what it reads and compresses what it
//! makes, as the threads of a Java application do in `poll` and in `send`.

use broker_model::records::{Codec, Compression, Payload};
use broker_model::types::Duration;
use scenarios::Scenario;
use scenarios::model::{Payload as Described, Service, ServiceKind};

use super::kind::Output;
use super::spec::ServiceSpec;
use crate::codec::{compress_time, decompress_time};
use crate::records::Record;

/// What the model calls a payload of the language.
const fn payload_of(described: Described) -> Payload {
    match described {
        Described::Random => Payload::Random,
        Described::Json => Payload::Json,
        Described::Logs => Payload::Logs,
        Described::Mixed => Payload::Mixed,
        Described::Percent(percent) => Payload::Percent(percent),
    }
}

/// What the records are like that a service produces: those of an ingress as its load says.
pub(super) fn output_of(scenario: &Scenario, service: &Service) -> Output {
    let load = scenario.loads.iter().find(|load| load.into == service.name);
    let payload = load.and_then(|load| load.payload).or(service.output_payload);
    let size = service.output_size.map(|bytes| bytes as u32);
    Output { size, payload: payload.map(payload_of) }
}

/// For each input of a service: whether a record of it has an output to be compressed. Of the two
/// sides of a join the second counts for both.
pub(super) fn makes(service: &Service) -> Vec<bool> {
    let makes = service.output.is_some();
    let join = matches!(service.kind, ServiceKind::Join { .. });
    let inputs = 0..service.reads().count();
    inputs.map(|input| makes && (!join || input + 1 == service.inputs.len())).collect()
}

impl ServiceSpec {
    /// CPU time of compressing records of so many bytes with its producer's codec.
    pub(super) fn compress_time(&self, payload: Payload, bytes: u64) -> Duration {
        match (self.clients.producer.compression, payload) {
            (Codec::None, _) | (_, Payload::Unknown) => 0,
            (codec, _) => compress_time(codec, bytes),
        }
    }

    /// CPU time that compression takes with a record of an input: to get it out of its batch, and
    /// to put what is made of it into another.
    pub(super) fn coding_time(
        &self,
        input: usize,
        batch: Option<Compression>,
        record: &Record,
    ) -> Duration {
        let reading = batch.map_or(0, |batch| decompress_time(batch.codec, u64::from(record.size)));
        if !self.makes.get(input).is_some_and(|&makes| makes) {
            return reading;
        }
        let (bytes, payload) = self.makes_like.of(record);
        reading + self.compress_time(payload, u64::from(bytes))
    }
}
