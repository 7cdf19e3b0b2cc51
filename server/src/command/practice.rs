//! `clearbill practice add` and `clearbill practice texts`: what only whoever runs the server decides.
//! Texting has two switches, the platform's and the practice's (S-G3); this is the platform's.

use clap::{Args, Subcommand, ValueEnum};
use domain::practice::{Practice, Settings};
use store::audit::{Actor, Entry};

use super::{Where, opening};
use crate::actions::set_up_account::slug_of;

#[derive(Args, Debug)]
pub struct Practices {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Subcommand, Debug)]
pub enum What {
    /// Makes another practice; then add its manager with `clearbill staff add`.
    Add(Add),
    /// Allows or forbids a practice to send texts.
    Texts(Texts),
}

#[derive(Args, Debug)]
pub struct Add {
    #[command(flatten)]
    pub at: Where,
    #[arg(long)]
    pub name: String,
    /// Short name for addresses; made from the name when left out.
    #[arg(long)]
    pub slug: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Args, Debug)]
pub struct Texts {
    #[command(flatten)]
    pub at: Where,
    /// The practice's short name.
    #[arg(long)]
    pub practice: String,
    pub switch: Switch,
}

impl Practices {
    pub async fn run(self) -> Result<(), String> {
        match self.what {
            What::Add(add) => add.run().await,
            What::Texts(texts) => texts.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> Result<(), String> {
        let name = self.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
            return Err("--name must be a name of at most 120 characters".into());
        }
        let slug = slug_of(self.slug.as_deref().unwrap_or(&name));
        let opened = opening::existing(&self.at).await?;
        let practice = Practice {
            id: opened.world.mint(),
            slug: slug.clone(),
            name: name.clone(),
            settings: Settings {
                legal_name: name,
                public_base: opened.config.public_base.clone().unwrap_or_default(),
                ..Settings::default()
            },
            version: 1,
            live_at: None,
            outreach_held_at: None,
            outreach_held_why: None,
        };
        let world = opened.world.clone();
        let made = opened.store.write(move |db| {
            let (practice, world) = (practice.clone(), world.clone());
            Box::pin(async move {
                if store::practice::find_by_slug(db, &practice.slug).await?.is_some() {
                    return Ok(false);
                }
                store::practice::insert(db, &practice, world.now()).await?;
                let actor = Actor::System("command");
                let (id, name) = (&practice.id, practice.id.as_str());
                let entry = Entry::new(id, actor, "practice_made", "practice", name);
                store::audit::insert(db, &world, &entry).await?;
                Ok(true)
            })
        });
        let made = made.await.map_err(|e| e.to_string())?;
        opened.store.close().await;
        if !made {
            return Err(format!("there is a practice {slug} already; name another with --slug"));
        }
        println!("{slug}");
        println!("Now: clearbill staff add --practice {slug} --email … --name … --role manager");
        Ok(())
    }
}

impl Texts {
    async fn run(self) -> Result<(), String> {
        let opened = opening::existing(&self.at).await?;
        let (slug, world) = (self.practice.clone(), opened.world.clone());
        let is_on = self.switch == Switch::On;
        let done = opened.store.write(move |db| {
            let (slug, world) = (slug.clone(), world.clone());
            Box::pin(async move {
                let Some(practice) = store::practice::find_by_slug(db, &slug).await? else {
                    return Ok(None);
                };
                let mut settings = practice.settings.clone();
                settings.texts_enabled_by_platform = is_on;
                let (id, version, name) = (&practice.id, practice.version, &practice.name);
                if !store::practice::mark_settings(db, id, version, name, &settings).await? {
                    return Ok(Some(false));
                }
                let actor = Actor::System("command");
                let entry = Entry::new(id, actor, "texts_switched", "practice", id.as_str())
                    .with(if is_on { "on" } else { "off" });
                store::audit::insert(db, &world, &entry).await?;
                Ok(Some(true))
            })
        });
        let done = done.await.map_err(|e| e.to_string())?;
        opened.store.close().await;
        match done {
            None => Err(format!("there is no practice {}", self.practice)),
            Some(false) => Err("somebody saved the settings at the same moment; try again".into()),
            Some(true) if is_on => {
                println!("Texts are allowed. A manager enables them under Settings, SMS Settings.");
                Ok(())
            }
            Some(true) => {
                println!("No text goes out any more, and the menus about texts are hidden.");
                Ok(())
            }
        }
    }
}
