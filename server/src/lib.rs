//! The server: HTTP, sessions, wiring, and the commands of the binary.

pub mod actions;
pub mod api;
pub mod building;
pub mod channels;
pub mod clock;
pub mod command;
pub mod config;
pub mod failure;
pub mod form;
pub mod headers;
pub mod house;
pub mod importing;
pub mod jobs;
pub mod limit;
pub mod pages;
pub mod password;
pub mod routes;
pub mod sandbox_pages;
pub mod second_factor;
pub mod serving;
pub mod session;
pub mod spreadsheet;
pub mod visit;
pub mod webhooks;
pub mod wording;
pub mod workspace;
