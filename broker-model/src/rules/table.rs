//! From the table of rules: an enumeration of each, the record of all, and their names.

macro_rules! rules {
    ($($(#[$doc:meta])* $field:ident: $type:ident $(needs [$($need:expr),+])? { $($(#[$vdoc:meta])* $variant:ident = $name:literal),+ $(,)? }),+ $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
            pub enum $type { $($(#[$vdoc])* $variant),+ }
        )+

        /// The rules of a run. The default is today's Kafka.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Rules { $($(#[$doc])* pub $field: $type),+ }

        impl Rules {
            /// Every rule with the names of its values, today's first.
            pub const ALL: &'static [(&'static str, &'static [&'static str])] =
                &[$((stringify!($field), &[$($name),+])),+];

            /// For every rule, in the same order, what it needs to act at all.
            pub const NEEDS: &'static [&'static [Need]] = &[$(&[$($($need),+)?]),+];

            /// Sets one rule by name. Errors with what is known.
            ///
            /// # Errors
            /// When no rule has that name, or the rule has no such value.
            pub fn set(&mut self, rule: &str, value: &str) -> Result<(), UnknownRule> {
                match rule {
                    $(stringify!($field) => match value {
                        $($name => { self.$field = $type::$variant; Ok(()) })+
                        _ => Err(UnknownRule::Value(&[$($name),+])),
                    },)+
                    _ => Err(UnknownRule::Rule),
                }
            }
        }
    };
}

/// Why [`super::Rules::set`] refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnknownRule {
    /// No rule has that name.
    Rule,
    /// The rule has only these values.
    Value(&'static [&'static str]),
}
