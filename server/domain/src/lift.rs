//! What a reminder adds (MS16): the share that paid among those who got a step, less the share among
//! those who were left out of it, with an interval that says how sure that is.

/// People, and how many of them paid within the time looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub people: i64,
    pub paid: i64,
}

impl Group {
    pub fn share(self) -> Option<f64> {
        (self.people > 0).then(|| self.paid as f64 / self.people as f64)
    }
}

/// A difference of shares, in hundredths, with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lift {
    pub points: f64,
    pub from: f64,
    pub to: f64,
}

impl Lift {
    /// The interval lies wholly above zero: the step does add something.
    pub fn is_certain(self) -> bool {
        self.from > 0.0
    }

    /// The interval lies wholly below one point: the step adds next to nothing and may be dropped.
    pub fn is_useless(self) -> bool {
        self.to < 1.0
    }
}

/// Nobody can judge a step on fewer people than this in either group.
pub const FEWEST: i64 = 30;
/// Of the normal distribution, for 95 %.
const Z: f64 = 1.96;

/// `None` while either group is too small. The interval is Agresti and Caffo's: one success and one
/// failure are added to each group, which keeps its promise for small groups and rare payments.
pub fn lift(reminded: Group, held_out: Group) -> Option<Lift> {
    if reminded.people < FEWEST || held_out.people < FEWEST {
        return None;
    }
    let points = reminded.share()? - held_out.share()?;
    let added = |group: Group| {
        let people = group.people as f64 + 2.0;
        ((group.paid as f64 + 1.0) / people, people)
    };
    let ((p1, n1), (p0, n0)) = (added(reminded), added(held_out));
    let spread = Z * (p1 * (1.0 - p1) / n1 + p0 * (1.0 - p0) / n0).sqrt();
    let middle = p1 - p0;
    let hundredths = |share: f64| (share * 1000.0).round() / 10.0;
    Some(Lift {
        points: hundredths(points),
        from: hundredths((middle - spread).max(-1.0)),
        to: hundredths((middle + spread).min(1.0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn group(people: i64, paid: i64) -> Group {
        Group { people, paid }
    }

    #[test]
    fn a_step_that_doubles_payments_is_seen_and_one_that_does_nothing_is_not() {
        let strong = lift(group(1_000, 400), group(1_000, 200)).unwrap();
        assert_eq!(strong.points, 20.0);
        assert!(strong.is_certain() && strong.from > 15.0 && strong.to < 25.0);
        let nothing = lift(group(1_000, 200), group(1_000, 205)).unwrap();
        assert!(!nothing.is_certain());
    }

    #[test]
    fn a_useless_step_is_told_from_one_nobody_can_judge_yet() {
        let useless = lift(group(200_000, 20_000), group(200_000, 20_000)).unwrap();
        assert!(useless.is_useless());
        let unsure = lift(group(40, 8), group(40, 8)).unwrap();
        assert!(!unsure.is_useless() && !unsure.is_certain());
        assert_eq!(lift(group(29, 10), group(1_000, 10)), None);
        assert_eq!(lift(group(0, 0), group(0, 0)), None);
    }

    #[test]
    fn the_interval_holds_when_nobody_or_everybody_paid() {
        let all = lift(group(50, 50), group(50, 0)).unwrap();
        assert_eq!(all.points, 100.0);
        assert!(all.to <= 100.0 && all.from > 85.0, "{all:?}");
    }
}
