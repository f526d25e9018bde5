//! The configuration of an admin client: who sends its requests is the world's administrator.

use broker_model::config::ConfigError;
use broker_model::types::{Duration, MILLISECOND};

use super::setting::{Setting, millis, settings};

/// What the administrator reads of Kafka's admin client keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AdminConfig {
    /// `retry.backoff.ms`.
    pub(crate) retry_backoff: Duration,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { retry_backoff: 100 * MILLISECOND }
    }
}

/// Every key that is read.
pub(crate) const SETTINGS: &[Setting<AdminConfig>] = settings! { AdminConfig;
    "retry.backoff.ms", retry_backoff, millis,
        "Wait before a refused request is asked again.";
};

impl AdminConfig {
    /// Sets one key from Kafka's text.
    ///
    /// # Errors
    /// When the key is not read, or the value is bad.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(ConfigError::NotModelled { key: key.to_owned() });
        };
        (setting.set)(self, value).map_err(|expected| ConfigError::Invalid {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        })
    }
}
