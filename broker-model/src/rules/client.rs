//! Rules of consumers, producers and the services on top.

rule_values! {
    /// Where a consumer goes on after a poll.
    ConsumerPosition {
        /// Behind the last record given.
        #[default] Next = "next",
        /// Canary: one record further, now and then.
        Skip = "skip",
        /// Canary: one batch back, now and then.
        Back = "back",
    }
    /// What a consumer gives to the application.
    ConsumerRecords {
        /// The records of the batch.
        #[default] Exact = "exact",
        /// Canary: now and then a record nobody sent.
        Invent = "invent",
    }
    /// Where a producer puts a batch that is to be sent again.
    RetryPosition {
        /// In order of sequence, at the head of its queue.
        #[default] Head = "head",
        /// Canary: behind newer batches, with a fresh sequence.
        Tail = "tail",
    }
    /// Whether a sink remembers what it has applied.
    SinkMemory {
        /// As its kind says.
        #[default] Kept = "kept",
        /// Canary: forgotten at each rebalance.
        Lost = "lost",
    }
    /// What a service does with records whose output failed.
    FailedOutput {
        /// Rewind and process them again.
        #[default] Rewind = "rewind",
        /// Canary: go on.
        Ignore = "ignore",
    }
    /// Where an application reads on that has aborted its transaction.
    AppRewindsOnAbort {
        /// At what was committed last, which it seeks to.
        #[default] On = "on",
        /// Behind what it was given last: an abort moves no position (KAFKA-17582).
        Off = "off",
    }
    /// Whether a consumer asks a new leader if its position is still that of the same record.
    /// Source: KIP-320.
    ConsumerEpochValidation {
        /// It does.
        #[default] On = "on",
        /// Before Kafka 2.3: it goes on at the same offset.
        Off = "off",
    }
}
