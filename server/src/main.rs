//! `clearbill`: one binary, one server, and the commands that go with it.

use std::process::ExitCode;

use clap::Parser;
use server::command::{self, Command};

#[derive(Parser)]
#[command(name = "clearbill", version, about = "Patient payment portal and reminders")]
struct Line {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let line = Line::parse();
    connect::install_tls();
    match actix_web::rt::System::new().block_on(command::run(line.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("clearbill: {words}");
            ExitCode::FAILURE
        }
    }
}
