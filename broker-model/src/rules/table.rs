//! From the table of rules: the record of all, and their names.

/// A rule's values. The default is today's.
pub(super) trait Rule: Copy {
    /// The names of the values, today's first.
    const NAMES: &'static [&'static str];

    /// The value of a name.
    fn named(name: &str) -> Option<Self>;
}

/// Rules with their values, each an enumeration.
macro_rules! rule_values {
    ($($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
            pub enum $type { $($(#[$vdoc])* $variant),+ }

            impl super::table::Rule for $type {
                const NAMES: &'static [&'static str] = &[$($name),+];

                fn named(name: &str) -> Option<Self> {
                    match name {
                        $($name => Some(Self::$variant),)+
                        _ => None,
                    }
                }
            }
        )+
    };
}

/// The record of all rules, each with what it needs to act at all.
macro_rules! rules {
    ($($field:ident: $type:ident $(needs [$($need:expr),+])?),+ $(,)?) => {
        /// The rules of a run. The default is today's Kafka.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Rules {
            $(
                #[doc = concat!("See [`", stringify!($type), "`].")]
                pub $field: $type
            ),+
        }

        impl Rules {
            /// Every rule with the names of its values, today's first.
            pub const ALL: &'static [(&'static str, &'static [&'static str])] =
                &[$((stringify!($field), $type::NAMES)),+];

            /// For every rule, in the same order, what it needs to act at all.
            pub const NEEDS: &'static [&'static [Need]] = &[$(&[$($($need),+)?]),+];

            /// Sets one rule by name. Errors with what is known.
            ///
            /// # Errors
            /// When no rule has that name, or the rule has no such value.
            pub fn set(&mut self, rule: &str, value: &str) -> Result<(), UnknownRule> {
                match rule {
                    $(stringify!($field) => {
                        let known = UnknownRule::Value($type::NAMES);
                        self.$field = $type::named(value).ok_or(known)?;
                    })+
                    _ => return Err(UnknownRule::Rule),
                }
                Ok(())
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
