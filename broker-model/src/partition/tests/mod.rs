//! Tests of replicas, and twins of the rules.

mod replicas;
mod twins;
