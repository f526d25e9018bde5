//! Kafka's configuration keys as typed values, with the defaults of Apache Kafka 4.1.
//!
//! Texts are Kafka's own (milliseconds as integers); durations are nanoseconds inside.

mod bounds;
mod broker;
mod group;
mod not_modelled;
mod reconfigurable;
mod throttled;
mod topic;
mod value;

pub(crate) use bounds::fits_topic;
pub use broker::BrokerConfig;
pub use group::{GroupBounds, GroupConfig};
pub use not_modelled::{Ignored, ignored};
pub use reconfigurable::{PRODUCER_ID_EXPIRATION, is_of_one_broker, may_become};
pub use throttled::{
    FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS, ThrottledReplicas,
};
pub use topic::{CleanupPolicy, TimestampType, TopicConfig};
pub use value::{MigrationPolicy, ReplicaSelector};

use alloc::string::String;

/// Why a key was not set.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigError {
    /// Kafka has no such key here.
    #[error("unknown configuration key `{key}`")]
    Unknown {
        /// The key.
        key: String,
    },
    /// Kafka has the key, the model does not read it. Callers may ignore this.
    #[error("configuration key `{key}` has no effect in the model")]
    NotModelled {
        /// The key.
        key: String,
    },
    /// The value is not one that Kafka takes.
    #[error("`{key}` must be {expected}, not `{value}`")]
    Invalid {
        /// The key.
        key: String,
        /// The value given.
        value: String,
        /// What Kafka takes, as the end of "must be ...".
        expected: &'static str,
    },
}

/// A key that has an effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Modelled {
    /// The key.
    pub key: &'static str,
    /// The field that holds it.
    pub field: &'static str,
    /// What is documented of it.
    pub about: &'static str,
}

/// Declares a struct of configuration keys, its defaults and `set`. Fields behind `beside` are
/// not Kafka's keys.
macro_rules! config {
    (
        $(#[$doc:meta])* $name:ident, not modelled: $not_modelled:expr
            $(, beside $(#[$bdoc:meta])* $beside:ident: $btype:ty)*;
        $($(#[doc = $fdoc:literal])* $field:ident: $type:ty = $default:expr, $key:literal, $parse:expr;)+
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name {
            $($(#[doc = $fdoc])* pub $field: $type,)+
            $($(#[$bdoc])* pub $beside: $btype,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ $($beside: <$btype>::default(),)* }
            }
        }

        impl $name {
            /// Every key that has an effect, in order of declaration.
            pub const KEYS: &'static [$crate::config::Modelled] = &[$($crate::config::Modelled {
                key: $key,
                field: stringify!($field),
                about: concat!($($fdoc),*),
            }),+];

            /// Why a key of Kafka's has no effect here, if it has none.
            #[must_use]
            pub fn ignored(key: &str) -> Option<&'static str> {
                $crate::config::ignored($not_modelled, key)
            }

            /// Sets one key from Kafka's text.
            ///
            /// # Errors
            /// When Kafka has no such key, the model does not read it, or the value is bad.
            pub fn set(
                &mut self,
                key: &str,
                value: &str,
            ) -> Result<(), $crate::config::ConfigError> {
                use alloc::string::ToString;
                let value = value.trim();
                let invalid = |expected| $crate::config::ConfigError::Invalid {
                    key: key.to_string(),
                    value: value.to_string(),
                    expected,
                };
                match key {
                    $($key => self.$field = ($parse)(value).map_err(invalid)?,)+
                    _ if Self::ignored(key).is_some() => {
                        return Err($crate::config::ConfigError::NotModelled { key: key.to_string() });
                    }
                    _ => return Err($crate::config::ConfigError::Unknown { key: key.to_string() }),
                }
                Ok(())
            }
        }
    };
}
use config;

#[cfg(test)]
mod tests;
