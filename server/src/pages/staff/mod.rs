//! The workspace's pages.

pub mod audit;
