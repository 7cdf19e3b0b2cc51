//! `clearbill staff add` and `clearbill staff setup-link`: ways in for whoever runs the server. Both
//! print a link; nobody's password ever stands on a command line.

use clap::{Args, Subcommand};
use domain::{id::StaffId, phone::normalise_email, staff::Role};
use store::{
    StoreError,
    audit::{Actor, Entry},
    keys,
};

use super::{Where, opening};
use crate::{
    actions::invite_staff::INVITATION_LASTS_MS, clock::real_now, config::Config, first_start,
};

#[derive(Args, Debug)]
pub struct Staff {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Subcommand, Debug)]
pub enum What {
    /// Gives a person a role in a practice and prints their invitation link.
    Add(Add),
    /// Prints a new one-time link for the first manager; only while nobody has an account.
    SetupLink(SetupLink),
}

#[derive(Args, Debug)]
pub struct Add {
    #[command(flatten)]
    pub at: Where,
    /// The practice's short name, as in its addresses.
    #[arg(long)]
    pub practice: String,
    #[arg(long)]
    pub email: String,
    #[arg(long)]
    pub name: String,
    /// manager, biller, front_desk or viewer
    #[arg(long)]
    pub role: Role,
}

#[derive(Args, Debug)]
pub struct SetupLink {
    #[command(flatten)]
    pub at: Where,
}

impl Staff {
    pub async fn run(self) -> Result<(), String> {
        match self.what {
            What::Add(add) => add.run().await,
            What::SetupLink(link) => link.run().await,
        }
    }
}

/// Where the server is reached, as far as the configuration knows.
fn base_of(config: &Config) -> String {
    config.public_base.clone().unwrap_or_else(|| format!("http://{}", config.listen))
}

impl SetupLink {
    async fn run(self) -> Result<(), String> {
        let config = self.at.config(None)?;
        let opened = opening::open(config).await?;
        let base = base_of(&opened.config);
        match first_start::new_link(&opened.store, &base).await.map_err(|e| e.to_string())? {
            Some(link) => {
                println!("{link}");
                println!("It works once, for 24 hours, while `clearbill serve` runs.");
                Ok(())
            }
            None => {
                Err("somebody has an account already; ask a manager for an invitation, or use \
                         `clearbill staff add`"
                    .into())
            }
        }
    }
}

impl Add {
    async fn run(self) -> Result<(), String> {
        let opened = opening::existing(&self.at).await?;
        normalise_email(&self.email).map_err(|e| format!("--email {}: {e}", self.email))?;
        let name = self.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            return Err("--name must be a person's name of at most 80 characters".into());
        }
        let practice = {
            let mut db = opened.store.read().await.map_err(|e| e.to_string())?;
            let found = store::practice::find_by_slug(&mut db, &self.practice).await;
            found.map_err(|e| e.to_string())?
        };
        let practice = practice.ok_or_else(|| format!("there is no practice {}", self.practice))?;
        let token = keys::new_token(keys::TOKEN_BYTES);
        let base = Some(practice.settings.public_base.clone()).filter(|base| !base.is_empty());
        let base = base.unwrap_or_else(|| base_of(&opened.config));
        let (world, email, role) = (opened.world.clone(), self.email.clone(), self.role);
        let hash = keys::token_hash(&token);
        let invited = opened.store.write(move |db| {
            let (world, email, name) = (world.clone(), email.clone(), name.clone());
            let (hash, practice) = (hash.clone(), practice.id.clone());
            Box::pin(async move {
                let until = real_now().plus_ms(INVITATION_LASTS_MS);
                let (id, is_invited) = match store::staff::find_by_email(db, &email).await? {
                    Some(member) if member.password_hash.is_some() => (member.id, false),
                    Some(member) => {
                        store::staff::mark_invited(db, &member.id, &hash, until).await?;
                        (member.id, true)
                    }
                    None => {
                        let id: StaffId = world.mint();
                        let invited = Some((hash.as_str(), until));
                        let now = world.now();
                        store::staff::insert(db, &id, &email, &name, invited, now).await?;
                        (id, true)
                    }
                };
                store::staff::mark_membership(db, &id, &practice, role, world.now()).await?;
                let actor = Actor::System("command");
                let entry = Entry::new(&practice, actor, "staff_invited", "staff", id.as_str())
                    .with(role.as_str());
                store::audit::insert(db, &world, &entry).await?;
                Ok::<_, StoreError>(is_invited)
            })
        });
        if invited.await.map_err(|e| e.to_string())? {
            println!("{}/staff/invitation/{token}", base.trim_end_matches('/'));
            println!("Give this link to {}. It works once, for 24 hours.", self.email);
        } else {
            println!("{} has an account already and can open this practice now.", self.email);
        }
        opened.store.close().await;
        Ok(())
    }
}
