//! Who drives a world to its end.

use crate::world::World;

/// Events between two looks at whether the run is still wanted.
const STRIDE: u32 = 1_024;

/// Who drives the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Driver {
    /// The bare event loop.
    #[default]
    Bare,
    /// The event loop as a task of a madsim runtime.
    Hosted,
}

impl Driver {
    /// Whether this build has it. The hosted driver needs `--cfg madsim`.
    #[must_use]
    pub const fn is_here(self) -> bool {
        match self {
            Self::Bare => true,
            Self::Hosted => cfg!(madsim),
        }
    }

    /// Runs a world to its end, the same under either driver. None when `stop` says so first.
    ///
    /// # Panics
    /// When this build does not have the driver: a bug of the caller, who can ask.
    #[must_use]
    pub fn drive(self, world: World, stop: impl Fn() -> bool) -> Option<World> {
        assert!(self.is_here(), "the hosted driver needs a build with `--cfg madsim`");
        match self {
            Self::Bare => bare(world, stop),
            #[cfg(madsim)]
            Self::Hosted => crate::hosted::drive(world, stop),
            #[cfg(not(madsim))]
            Self::Hosted => None,
        }
    }
}

fn bare(mut world: World, stop: impl Fn() -> bool) -> Option<World> {
    loop {
        if stop() {
            return None;
        }
        for _ in 0..STRIDE {
            if !world.step() {
                return Some(world);
            }
        }
    }
}
