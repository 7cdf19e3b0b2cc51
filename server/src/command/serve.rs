//! `clearbill serve`.

use clap::Args;

use super::Where;

#[derive(Args, Debug)]
pub struct Serve {
    #[command(flatten)]
    pub at: Where,
    /// Address and port; port 0 takes a free one.
    #[arg(long)]
    pub listen: Option<String>,
}
