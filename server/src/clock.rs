//! The clocks of the server. Business time may be moved in the demo; protocol time never.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use domain::clock::{Clock, UnixMs};

/// Protocol time: one-time codes, signatures, sessions, rate limits (decision 32).
#[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
pub fn real_now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The machine's clock: business time in `serve`, and the wall clock of leases everywhere.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        real_now()
    }
}

/// Business time in the demo: the machine's clock plus an offset that is kept in the data folder,
/// so that the commands beside the server agree with it.
pub struct MovableClock {
    offset_ms: AtomicI64,
    file: PathBuf,
}

impl MovableClock {
    const FILE: &'static str = "clock-offset-ms";

    /// The clock of `dir`; a new folder starts at `start`.
    pub fn open(dir: &Path, start: UnixMs) -> std::io::Result<Self> {
        let file = dir.join(Self::FILE);
        let kept = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let clock = Self { offset_ms: AtomicI64::new(0), file };
        match kept {
            Some(offset) => clock.offset_ms.store(offset, Ordering::Release),
            None => clock.move_to(start)?,
        }
        Ok(clock)
    }

    /// The clock that a demo's folder carries, for commands; none when it is no demo.
    pub fn find(dir: &Path) -> Option<Self> {
        let file = dir.join(Self::FILE);
        let offset = fs::read_to_string(&file).ok()?.trim().parse().ok()?;
        Some(Self { offset_ms: AtomicI64::new(offset), file })
    }

    /// Moves business time to `to`, durably enough for a restart.
    pub fn move_to(&self, to: UnixMs) -> std::io::Result<()> {
        let offset = to.since(real_now());
        let aside = self.file.with_extension("tmp");
        fs::write(&aside, offset.to_string())?;
        fs::rename(&aside, &self.file)?;
        self.offset_ms.store(offset, Ordering::Release);
        Ok(())
    }
}

impl Clock for MovableClock {
    fn now(&self) -> UnixMs {
        real_now().plus_ms(self.offset_ms.load(Ordering::Acquire))
    }
}
