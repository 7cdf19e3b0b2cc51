//! The workspace's pages.

pub mod audit;
pub mod imports;
