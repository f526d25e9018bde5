//! Another plan near one that a seed drew: one fault goes, comes, moves, lasts otherwise, or hits
//! somebody else (`search.mutations`).

use scenarios::model::{Drawn, ProtocolEvent, Trigger};

use super::{GROUP_SPREAD, Hunt, SHORTEST, SHORTEST_LASTING, event, kinds, magnitude, pick};
use crate::prng::Stream;

/// As many faults as a plan may grow to.
const FAULTS_MAX: usize = 64;

impl Hunt<'_> {
    /// Changes the plan once.
    pub(super) fn mutate(&mut self, draws: &mut Stream) {
        match draws.below(6) {
            0 if self.made.len() > 1 => {
                let gone = draws.below(self.made.len() as u64) as usize;
                self.made.remove(gone);
            }
            1 => self.moved(draws),
            2 => self.lasts_otherwise(draws),
            3 => self.hits_another(draws),
            4 => self.comes_beside(draws),
            _ => self.comes(draws),
        }
    }

    /// A fault comes at another occurrence of its event, at another event, or later behind it.
    fn moved(&mut self, draws: &mut Stream) {
        let focus = self.ground.focus(draws);
        let (other, often) = event(self.ground, &focus, draws);
        let duration = self.ground.duration;
        let Some(made) = any(&mut self.made, draws) else { return };
        match &mut made.trigger {
            Trigger::At(at) => *at = Drawn::fixed(draws.between(0, duration - 1)),
            Trigger::On { event, nth, after } => match draws.below(3) {
                0 => *nth = near(*nth, draws),
                1 => *after = Drawn::fixed(magnitude(draws, SHORTEST, GROUP_SPREAD)),
                _ => (*event, *nth) = (other, often),
            },
        }
    }

    fn lasts_otherwise(&mut self, draws: &mut Stream) {
        let length = self.ground.length(draws, SHORTEST_LASTING);
        let Some(made) = any(&mut self.made, draws) else { return };
        if let Some(lasts) = &mut made.lasts {
            *lasts = length;
        }
    }

    /// The same kind of fault hits whom it might have hit as well.
    fn hits_another(&mut self, draws: &mut Stream) {
        let focus = self.ground.focus(draws);
        let Some(made) = any(&mut self.made, draws) else { return };
        (made.kind, made.target) = kinds::drawn(made.kind, self.ground, &focus, draws);
    }

    /// A fault comes at the event of one that is there, soon behind it.
    fn comes_beside(&mut self, draws: &mut Stream) {
        if self.made.is_empty() || self.made.len() >= FAULTS_MAX {
            return;
        }
        let mut trigger = pick(draws, &self.made).trigger.clone();
        if let Trigger::On { after, .. } = &mut trigger {
            *after = Drawn::fixed(after.low + magnitude(draws, SHORTEST, GROUP_SPREAD));
        }
        self.any_kind(draws);
        self.last = None;
        let mut focus = self.ground.focus(draws);
        if let Trigger::On { event: ProtocolEvent::Sent(message), .. } = trigger {
            focus.message = Some(message);
        }
        self.one(&focus, trigger, draws);
    }

    /// A fault comes with an event of its own.
    fn comes(&mut self, draws: &mut Stream) {
        if self.made.len() >= FAULTS_MAX {
            return;
        }
        self.any_kind(draws);
        self.group(1, draws);
    }

    /// From now on a kind that the seed left out may come too, within what is left of the budget.
    fn any_kind(&mut self, draws: &mut Stream) {
        let all =
            scenarios::model::Search { keep: scenarios::model::Ratio::ONE, ..self.search.clone() };
        self.kinds = kinds::of_a_run(self.ground, (&all, self.budget), draws);
    }
}

fn any<'a, T>(from: &'a mut [T], draws: &mut Stream) -> Option<&'a mut T> {
    let place = draws.below(from.len().max(1) as u64) as usize;
    from.get_mut(place)
}

/// A number of the same magnitude, or next to it.
fn near(number: u64, draws: &mut Stream) -> u64 {
    if draws.chance(1, 2) {
        return if draws.chance(1, 2) { number + 1 } else { number.saturating_sub(1).max(1) };
    }
    magnitude(draws, (number / 2).max(1), number.saturating_mul(2))
}
