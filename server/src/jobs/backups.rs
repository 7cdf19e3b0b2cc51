//! Backups on the server's own schedule: a new folder in `backup_dir` each time, the newest kept.
//! PostgreSQL is backed up by its own tools.

use std::{fs, path::Path, time::Duration};

use domain::clock::HOUR_MS;
use tracing::{info, warn};

use crate::{clock::real_now, command::backup, failure::Failure, health, house::House};

/// How often the age of the newest backup is looked at.
pub const EVERY: Duration = Duration::from_secs(10 * 60);
/// Whole backups kept; the oldest beyond these go.
const KEPT: usize = 30;
/// How `backup::take` names its folders.
const PREFIX: &str = "clearbill-";

/// Takes a backup when the newest is old enough.
pub async fn step(house: &House) -> Result<(), Failure> {
    let config = &house.config;
    let (Some(dir), None) = (&config.backup_dir, &config.database_url) else { return Ok(()) };
    let every = i64::from(config.backup_every_hours.max(1)) * HOUR_MS;
    let is_fresh = health::newest_backup(config).is_some_and(|at| real_now().since(at) < every);
    if is_fresh {
        return Ok(());
    }
    let folder = backup::take(&house.store, dir).await.map_err(Failure::broken)?;
    info!(folder = %folder.display(), "a backup was taken");
    drop_oldest(dir);
    Ok(())
}

/// Names carry the time, so their order is theirs in time. Only whole backups of ours are counted,
/// and a folder cut short is left for somebody to look at.
fn drop_oldest(dir: &Path) {
    let Ok(found) = fs::read_dir(dir) else { return };
    let mut whole: Vec<_> = found
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(PREFIX)) && path.join("backup.json").exists()
        })
        .collect();
    whole.sort();
    let surplus = whole.len().saturating_sub(KEPT);
    for path in &whole[..surplus] {
        if let Err(cause) = fs::remove_dir_all(path) {
            warn!(folder = %path.display(), %cause, "an old backup stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_backups_stay_and_whatever_is_not_one() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..KEPT + 2 {
            let folder = dir.path().join(format!("{PREFIX}2026-03-{number:03}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("backup.json"), "{}").unwrap();
        }
        fs::create_dir(dir.path().join(format!("{PREFIX}2025-cut-short"))).unwrap();
        fs::create_dir(dir.path().join("photos")).unwrap();
        drop_oldest(dir.path());
        let left = |name: &str| dir.path().join(name).exists();
        assert!(!left("clearbill-2026-03-000") && !left("clearbill-2026-03-001"));
        assert!(left("clearbill-2026-03-002") && left("clearbill-2026-03-031"));
        assert!(left("clearbill-2025-cut-short") && left("photos"));
    }
}
