//! Stylesheets and scripts, compiled in. The name of each holds a hash of its bytes, so the server
//! may tell browsers to keep it for ever, and a release changes exactly what changed.

use std::borrow::Cow;

use crate::accent;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// One file served under `/assets/`.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// `patient.css`, as the sources call it.
    pub name: &'static str,
    /// Twelve hex digits of its SHA-256.
    pub hash: &'static str,
    /// `/assets/patient.0123456789ab.css`
    pub href: &'static str,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
}

/// What the server answers for one name under `/assets/`.
#[derive(Debug)]
pub struct Found {
    pub content_type: &'static str,
    pub bytes: Cow<'static, [u8]>,
}

pub fn all() -> &'static [Asset] {
    ALL
}

/// The address of an asset by its source name. A name that does not exist is a bug in this crate
/// and gives an address that answers 404.
pub fn href(name: &str) -> &'static str {
    let asset = ALL.iter().find(|asset| asset.name == name);
    debug_assert!(asset.is_some(), "no asset {name}");
    asset.map_or("/assets/missing", |asset| asset.href)
}

/// The file behind `/assets/{file}`: one of ours, or the accent stylesheet of a practice.
pub fn find(file: &str) -> Option<Found> {
    let asset = ALL.iter().find(|asset| asset.href.strip_prefix("/assets/") == Some(file));
    match asset {
        Some(asset) => {
            Some(Found { content_type: asset.content_type, bytes: Cow::Borrowed(asset.bytes) })
        }
        None => accent::from_file_name(file).map(|css| Found {
            content_type: "text/css; charset=utf-8",
            bytes: Cow::Owned(css.into_bytes()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_under_its_own_address() {
        for asset in all() {
            let file = asset.href.strip_prefix("/assets/").unwrap();
            assert_eq!(find(file).unwrap().bytes, asset.bytes);
            assert!(file.contains(asset.hash));
        }
        assert!(find("patient.css").is_none());
        assert!(find("../tokens.css").is_none());
    }

    #[test]
    fn both_stylesheets_and_the_card_script_exist() {
        for name in ["patient.css", "staff.css", "card.js"] {
            assert!(all().iter().any(|asset| asset.name == name), "{name}");
        }
    }
}
