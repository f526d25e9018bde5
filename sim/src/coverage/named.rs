//! Enumerations whose values have names, so that what was reached and what was not can be told.

/// An enumeration with the names of its values, in their order.
macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $value:ident => $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum $kind {
            $($(#[$doc])* $value,)*
        }

        impl $kind {
            /// The names of all values, in order.
            pub(super) const NAMES: &'static [&'static str] = &[$($name),*];
        }
    };
}

pub(super) use named;
