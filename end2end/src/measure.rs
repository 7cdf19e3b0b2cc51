//! Measuring so that a figure means the same on any machine: every result is a ratio to a baseline
//! of the same run.
//!
//! The two sides take turns, A B A B, so that a slow minute hurts both. A result is the ratio of the
//! medians; where the baseline itself wandered by more than [`SPREAD_MOST`], there is no verdict.

use std::{collections::BTreeMap, fmt::Write, time::Instant};

/// A baseline that wanders more than this says nothing about the other side.
pub const SPREAD_MOST: f64 = 0.30;
pub const ROUNDS_LEAST: usize = 3;

/// What a benchmark is asked to do: `--rounds 5 --size 100000 --json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub rounds: usize,
    pub json: bool,
    pub numbers: BTreeMap<String, u64>,
    pub words: BTreeMap<String, String>,
}

impl Wanted {
    /// From the arguments after the program's name. `--bench` is cargo's own.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut wanted = Self {
            rounds: ROUNDS_LEAST,
            json: false,
            numbers: BTreeMap::new(),
            words: BTreeMap::new(),
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {}
                "--json" => wanted.json = true,
                name if name.starts_with("--") => {
                    let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
                    let name = name.trim_start_matches("--").to_owned();
                    match value.parse() {
                        Ok(number) => wanted.numbers.insert(name, number).map(|_| ()),
                        Err(_) => wanted.words.insert(name, value).map(|_| ()),
                    };
                }
                other => return Err(format!("{other} is no option")),
            }
        }
        if let Some(rounds) = wanted.numbers.remove("rounds") {
            wanted.rounds = usize::try_from(rounds).unwrap_or(usize::MAX).max(1);
        }
        Ok(wanted)
    }

    pub fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.numbers.get(name).copied().unwrap_or(otherwise)
    }
}

/// How long `work` took, in seconds.
pub async fn seconds<T>(work: impl Future<Output = T>) -> (f64, T) {
    let begun = now();
    let out = work.await;
    (begun.elapsed().as_secs_f64(), out)
}

#[allow(clippy::disallowed_methods, reason = "the one place where benchmarks read the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// One side of a comparison, a figure a round.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub rounds: Vec<f64>,
}

impl Side {
    pub fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
        }
    }

    /// The distance of the extremes, as a part of the median.
    pub fn spread(&self) -> f64 {
        let highest = self.rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = self.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        (highest - lowest) / self.median()
    }
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    AtLeast,
    AtMost,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// As in the list of goals: `a1`.
    pub id: &'static str,
    pub what: String,
    pub unit: &'static str,
    pub subject: Side,
    pub baseline: Side,
    pub goal: Goal,
    pub floor: f64,
}

impl Comparison {
    pub fn new(
        id: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        goal: Goal,
        floor: f64,
    ) -> Self {
        let (subject, baseline) = (Side::default(), Side::default());
        Self { id, what: what.into(), unit, subject, baseline, goal, floor }
    }

    pub fn add(&mut self, subject: f64, baseline: f64) {
        self.subject.rounds.push(subject);
        self.baseline.rounds.push(baseline);
    }

    pub fn ratio(&self) -> f64 {
        self.subject.median() / self.baseline.median()
    }

    pub fn verdict(&self) -> &'static str {
        let is_steady = self.baseline.spread() <= SPREAD_MOST;
        if self.baseline.rounds.len() < ROUNDS_LEAST || !is_steady {
            return "no verdict";
        }
        let reached = match self.goal {
            Goal::AtLeast => self.ratio() >= self.floor,
            Goal::AtMost => self.ratio() <= self.floor,
        };
        if reached { "reached" } else { "missed" }
    }

    fn json(&self) -> String {
        let list = |side: &Side| {
            let rounds: Vec<String> = side.rounds.iter().map(|n| format!("{n:.4}")).collect();
            rounds.join(",")
        };
        format!(
            "{{\"id\":\"{}\",\"what\":\"{}\",\"unit\":\"{}\",\"ratio\":{:.4},\"floor\":{},\
             \"verdict\":\"{}\",\"subject\":[{}],\"baseline\":[{}]}}",
            self.id,
            self.what,
            self.unit,
            self.ratio(),
            self.floor,
            self.verdict(),
            list(&self.subject),
            list(&self.baseline),
        )
    }
}

/// The table, or one line of JSON; `command` repeats it.
pub fn report(wanted: &Wanted, command: &str, comparisons: &[Comparison]) -> String {
    if wanted.json {
        let lines: Vec<String> = comparisons.iter().map(Comparison::json).collect();
        let profile = if cfg!(debug_assertions) { "debug" } else { "optimised" };
        return format!(
            "{{\"command\":\"{command}\",\"build\":\"{profile}\",\"results\":[{}]}}",
            lines.join(",")
        );
    }
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<4} {:<58} {:>12} {:>7} {:>12} {:>7} {:>8} {:>7}  verdict",
        "id", "what", "median", "spread", "baseline", "spread", "ratio", "floor"
    );
    for c in comparisons {
        let _ = writeln!(
            text,
            "{:<4} {:<58} {:>12.2} {:>6.0}% {:>12.2} {:>6.0}% {:>8.3} {:>7}  {}  ({})",
            c.id,
            c.what,
            c.subject.median(),
            c.subject.spread() * 100.0,
            c.baseline.median(),
            c.baseline.spread() * 100.0,
            c.ratio(),
            c.floor,
            c.verdict(),
            c.unit,
        );
    }
    if cfg!(debug_assertions) {
        text.push_str("built without optimisation: these figures say nothing\n");
    }
    let _ = write!(text, "again: {command}");
    text
}

/// Processor time a process has used so far, in seconds: its own and the system's for it.
pub fn cpu_seconds(pid: u32) -> std::io::Result<f64> {
    /// The kernel reports in hundredths of a second whatever its own tick is.
    const TICKS: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold spaces.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or_default();
    Ok((number(11) + number(12)) / TICKS)
}

/// Resident memory of a process and the most it ever had, in MiB.
pub fn memory_mib(pid: u32) -> std::io::Result<(f64, f64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let kib = line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    };
    Ok((field("VmRSS:"), field("VmHWM:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(pairs: &[(f64, f64)], goal: Goal, floor: f64) -> Comparison {
        let mut comparison = Comparison::new("x1", "something", "per second", goal, floor);
        for (subject, baseline) in pairs {
            comparison.add(*subject, *baseline);
        }
        comparison
    }

    #[test]
    fn the_middle_counts_and_not_the_lucky_round() {
        let three = compared(&[(50.0, 100.0), (90.0, 101.0), (51.0, 99.0)], Goal::AtLeast, 0.5);
        assert_eq!((three.subject.median(), three.ratio()), (51.0, 0.51));
        assert_eq!(three.verdict(), "reached");
        let four = Side { rounds: vec![1.0, 2.0, 3.0, 10.0] };
        assert_eq!((four.median(), four.spread()), (2.5, 3.6));
    }

    #[test]
    fn a_baseline_that_wanders_gives_no_verdict() {
        let pairs = [(50.0, 100.0), (50.0, 140.0), (50.0, 100.0)];
        assert_eq!(compared(&pairs, Goal::AtLeast, 0.1).verdict(), "no verdict");
        assert_eq!(compared(&pairs[..1], Goal::AtLeast, 0.1).verdict(), "no verdict");
    }

    #[test]
    fn a_floor_may_be_a_ceiling() {
        let pairs = [(1.4, 1.0), (1.5, 1.0), (1.6, 1.0)];
        assert_eq!(compared(&pairs, Goal::AtMost, 1.5).verdict(), "reached");
        assert_eq!(compared(&pairs, Goal::AtMost, 1.49).verdict(), "missed");
        assert_eq!(compared(&pairs, Goal::AtLeast, 1.51).verdict(), "missed");
    }

    #[test]
    fn the_report_says_how_to_repeat_it() {
        let args = ["--bench", "--rounds", "4", "--json", "--rows", "1000", "--dir", "x"];
        let wanted = Wanted::parse(args.into_iter().map(str::to_owned)).unwrap();
        assert_eq!((wanted.rounds, wanted.number("rows", 5)), (4, 1_000));
        assert_eq!((wanted.number("other", 5), wanted.words["dir"].as_str()), (5, "x"));
        let line = compared(&[(1.0, 2.0)], Goal::AtLeast, 0.5);
        let json = report(&wanted, "cargo bench", std::slice::from_ref(&line));
        assert!(json.contains("\"ratio\":0.5000") && json.contains("\"subject\":[1.0000]"));
        let plain = Wanted { json: false, ..wanted };
        assert!(report(&plain, "cargo bench", &[line]).ends_with("again: cargo bench"));
        assert!(Wanted::parse(["nonsense".to_owned()].into_iter()).is_err());
    }

    #[test]
    fn a_process_can_be_asked_for_its_time_and_memory() {
        let pid = std::process::id();
        assert!(cpu_seconds(pid).unwrap() >= 0.0);
        let (resident, most) = memory_mib(pid).unwrap();
        assert!(resident > 0.0 && most >= resident * 0.5);
    }
}
