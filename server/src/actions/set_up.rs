//! `POST /setup/{step}`: each step is done, waits, failed with the vendor's reason and the fix, or
//! was skipped; and stays so until it is repeated.

use actix_web::{HttpRequest, web};
use app::{
    components::Errors,
    pages::staff::{
        Step, StepState, Typed,
        decision_words::{end_words, sentence},
    },
    texts,
};
use connect::reach;
use domain::{clock::UnixMs, decide::Verdict, phone::E164, practice::Practice, staff::Permission};
use engine::{Delivered, EngineError, StaffMail};

use super::{
    choose_language::see_other,
    connect_vendor::{Account, store_account},
    save_settings,
};
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::setup,
    session::Staff,
    settings_form::{self, By, Part},
    vendors,
    workspace::{self, base_of, refused},
};

/// How a step ended.
enum Ended {
    Done(String),
    Waiting(String),
    Failed(String),
    /// Something typed cannot be used: the form again.
    Refused(Errors),
}

impl Ended {
    fn done(words: impl Into<String>) -> Self {
        Self::Done(words.into())
    }
}

type Tried = Result<Ended, Failure>;

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    slug: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let step = Step::from_slug(&slug).ok_or(Failure::NotFound)?;
    let wish = posted.text("do").to_owned();
    if wish == "skip" {
        mark(&house, &staff, step, StepState::Skipped, "").await?;
        return Ok(see_other(&next_of(step)));
    }
    let act = Act { house: &house, staff: &staff, request: &request, posted: &posted };
    let ended = match step {
        Step::Practice => act.practice().await?,
        Step::Address => act.address().await?,
        Step::Stripe if wish == "check" => act.check_stripe().await?,
        Step::Stripe => act.stripe().await?,
        Step::Email if wish == "check" => act.test_email().await?,
        Step::Email => act.email().await?,
        Step::Texting if wish == "check" => act.check_texts().await?,
        Step::Texting if wish == "choose" => act.choose_texts().await?,
        Step::Texting => act.texts().await?,
        Step::Consent => act.consent(),
        Step::Proof => act.proof().await?,
        Step::Import => act.import().await?,
        Step::Backups => act.backups(),
        Step::Staff => Ended::done("Everybody who works here was invited."),
        Step::Test => act.test().await?,
        Step::Live => act.live().await?,
    };
    let (state, detail) = match ended {
        Ended::Done(words) => (StepState::Done, words),
        Ended::Waiting(words) => (StepState::Waiting, words),
        Ended::Failed(words) => (StepState::Failed, words),
        Ended::Refused(errors) => return refuse(&act, step, errors).await,
    };
    mark(&house, &staff, step, state, &detail).await?;
    let stays = state != StepState::Done
        || matches!(step, Step::Stripe | Step::Email | Step::Texting | Step::Live);
    Ok(see_other(&if stays { here(step) } else { next_of(step) }))
}

fn here(step: Step) -> String {
    format!("{}/{}", setup::SECTION, step.slug())
}

fn next_of(step: Step) -> String {
    step.next().map_or_else(|| setup::SECTION.to_owned(), here)
}

async fn refuse(act: &Act<'_>, step: Step, errors: Errors) -> Answer {
    let mut page = setup::model(act.house, act.staff, act.request, step).await?;
    let typed: Typed = settings_form::typed(act.posted);
    page.typed = typed;
    page.errors = errors;
    page.state = StepState::Open;
    Ok(refused(page.html(&workspace::shell(act.house, act.staff, setup::SECTION))))
}

/// Remembers how a step ended.
async fn mark(
    house: &House,
    staff: &Staff,
    step: Step,
    state: StepState,
    detail: &str,
) -> Result<(), Failure> {
    let (practice, detail) = (staff.practice.id.clone(), detail.to_owned());
    let world = house.world.clone();
    let entry = staff.entry("setup_step", "setup", step.slug()).with(state.code());
    let written = house.store.write(move |db| {
        let (practice, detail) = (practice.clone(), detail.clone());
        let (world, entry) = (world.clone(), entry.clone());
        Box::pin(async move {
            let (step, now) = (step.slug(), world.now());
            store::setup::mark_step(db, &practice, step, state.code(), &detail, now).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    written.await?;
    Ok(())
}

/// One step with everything it needs.
struct Act<'a> {
    house: &'a House,
    staff: &'a Staff,
    request: &'a HttpRequest,
    posted: &'a Posted,
}

impl Act<'_> {
    fn base(&self) -> String {
        base_of(self.house, &self.staff.practice, self.request)
    }

    fn now(&self) -> UnixMs {
        self.house.world.now()
    }

    /// The typed parts in a copy of the practice.
    fn typed(&self, parts: &[Part]) -> Result<Practice, Errors> {
        let mut changed = self.staff.practice.clone();
        let by = By { staff: self.staff.actor().label(), now: self.now() };
        let errors = settings_form::apply_parts(parts, self.posted, &mut changed, &by);
        if errors.is_empty() { Ok(changed) } else { Err(errors) }
    }

    async fn save(&self, changed: &Practice) -> Result<Result<(), Ended>, Failure> {
        let version = self.staff.practice.version;
        Ok(if save_settings::save(self.house, self.staff, version, changed).await? {
            Ok(())
        } else {
            let words = "Somebody else changed the settings at the same moment. Save again.";
            Err(Ended::Refused(Errors::new().overall(words)))
        })
    }

    async fn practice(&self) -> Tried {
        let changed = match self.typed(&[Part::About, Part::Naming]) {
            Ok(changed) => changed,
            Err(errors) => return Ok(Ended::Refused(errors)),
        };
        if let Err(ended) = self.save(&changed).await? {
            return Ok(ended);
        }
        Ok(Ended::done(format!("Patients read: {}", changed.alias())))
    }

    async fn address(&self) -> Tried {
        let changed = match self.typed(&[Part::Address]) {
            Ok(changed) => changed,
            Err(errors) => return Ok(Ended::Refused(errors)),
        };
        let base = changed.settings.public_base.clone();
        if base.is_empty() {
            let errors = Errors::new().on("public_base", "Enter the public address.");
            return Ok(Ended::Refused(errors));
        }
        if let Err(ended) = self.save(&changed).await? {
            return Ok(ended);
        }
        let nonce = store::keys::new_token(18);
        let url = format!("{base}/.well-known/clearbill/{nonce}");
        let timeout = self.house.config.vendors.timeout_ms;
        Ok(match reach::ask(&url, timeout, false).await {
            Ok(heard) if self.house.store.keys().is_signed("reached", &[&nonce], &heard.text) => {
                Ended::done(format!("{base} leads to this server."))
            }
            Ok(_) => Ended::Failed(format!(
                "{base} was saved, but another server answers there. Point its name or its proxy \
                 to this one, and check again."
            )),
            Err(cause) => Ended::Failed(format!(
                "{base} was saved, but {cause}. Check the name in DNS, the certificate and the \
                 proxy; some networks cannot reach their own address from inside."
            )),
        })
    }

    async fn stripe(&self) -> Tried {
        let practice = &self.staff.practice;
        let tried = vendors::try_stripe(self.house, practice, self.posted, &self.base()).await?;
        let shop = match tried {
            Ok(shop) => shop,
            Err(unfit) => return Ok(Ended::Refused(unfit.errors())),
        };
        let mode = vendors::mode(&shop.merchant);
        store_account(self.house, self.staff, Account::Stripe(shop.merchant.clone())).await?;
        if !shop.may_charge {
            return Ok(Ended::Failed(format!(
                "{mode}, account {}. The key works, but Stripe does not let this account take \
                 payments yet: finish its activation in the Stripe dashboard.",
                shop.account
            )));
        }
        Ok(match vendors::round_trip(self.house, &shop.merchant).await {
            Ok(()) => Ended::Waiting(format!(
                "{mode}, account {}. Stripe was asked for a test event; check in a few seconds \
                 whether it arrived.",
                shop.account
            )),
            Err(unfit) => Ended::Failed(unfit.words),
        })
    }

    /// An event since the last request means that the whole way works.
    async fn check_stripe(&self) -> Tried {
        let practice = &self.staff.practice.id;
        let (merchant, heard, asked) = {
            let mut db = self.house.store.read().await?;
            let merchant = store::merchant::load(&mut db, practice).await?;
            let heard = store::dashboard::find_last_webhook(&mut db, practice, "stripe").await?;
            let rows = store::setup::list_steps(&mut db, practice).await?;
            let row = rows.into_iter().find(|row| row.step == Step::Stripe.slug());
            (merchant, heard, row.map(|row| UnixMs(row.at_ms)))
        };
        let Some(merchant) = merchant else {
            return Ok(Ended::Refused(Errors::new().overall("Connect the account first.")));
        };
        let mode = vendors::mode(&merchant);
        if let (Some(heard), Some(asked)) = (heard, asked)
            && heard >= asked.minus_ms(60_000)
        {
            return Ok(Ended::done(format!("{mode}. An event arrived and was understood.")));
        }
        Ok(match vendors::round_trip(self.house, &merchant).await {
            Ok(()) => Ended::Waiting(format!(
                "{mode}. Nothing arrived yet. Stripe was asked again; check once more in a few \
                 seconds. If it stays so, the public address cannot be reached from outside."
            )),
            Err(unfit) => Ended::Failed(unfit.words),
        })
    }

    async fn email(&self) -> Tried {
        let changed = match self.typed(&[Part::Sender]) {
            Ok(changed) => changed,
            Err(errors) => return Ok(Ended::Refused(errors)),
        };
        let from = changed.settings.email_from_address.clone();
        if from.is_empty() {
            let errors = Errors::new().on("email_from_address", "Enter the sender's address.");
            return Ok(Ended::Refused(errors));
        }
        let server = match vendors::try_mail(self.house, self.posted, &from).await? {
            Ok(server) => server,
            Err(unfit) => return Ok(Ended::Refused(unfit.errors())),
        };
        if let Err(ended) = self.save(&changed).await? {
            return Ok(ended);
        }
        store_account(self.house, self.staff, Account::Smtp(server)).await?;
        self.test_email().await
    }

    async fn test_email(&self) -> Tried {
        let me = {
            let mut db = self.house.store.read().await?;
            store::staff::load(&mut db, &self.staff.id).await?.ok_or(Failure::NotFound)?
        };
        match self.send_email(&me.email).await? {
            Ok(()) => {
                let (practice, now) = (self.staff.practice.id.clone(), self.now());
                let marked = self.house.store.write(move |db| {
                    let practice = practice.clone();
                    Box::pin(async move {
                        store::setup::mark_email_tested(db, &practice, Some(now)).await
                    })
                });
                marked.await?;
                Ok(Ended::done(
                    "The mail server took a test to you. Look whether it arrived, and whether your \
                     mail program says SPF, DKIM and DMARC passed.",
                ))
            }
            Err(words) => Ok(Ended::Failed(words)),
        }
    }

    async fn send_email(&self, to: &str) -> Result<Result<(), String>, Failure> {
        let mail = StaffMail::Attention {
            what: "This is a test of the practice's email. It works.".into(),
            link: format!("{}{}", self.base(), setup::SECTION),
        };
        let sent = self.house.engine.send_staff_mail(&self.staff.practice.id, to, mail).await;
        self.judge(sent, "email").await
    }

    /// The vendor's reason, in words, when a test did not go.
    async fn judge(
        &self,
        sent: Result<Delivered, EngineError>,
        what: &str,
    ) -> Result<Result<(), String>, Failure> {
        let id = match sent {
            Ok(Delivered::Sent(_)) => return Ok(Ok(())),
            Ok(Delivered::Later(_)) => {
                return Ok(Err(format!("The {what} waits for its turn. Look again in a minute.")));
            }
            Ok(Delivered::Withheld(_, decision)) => {
                let zone = self.staff.practice.zone();
                let reasons: Vec<String> = decision
                    .reasons
                    .iter()
                    .filter(|reason| reason.verdict != Verdict::Pass)
                    .map(|reason| sentence(reason, &zone))
                    .collect();
                return Ok(Err(format!("The {what} was withheld. {}", reasons.join(" "))));
            }
            Ok(Delivered::Failed(id)) => id,
            Err(EngineError::Refused(_)) => {
                return Ok(Err(format!("The {what} could not be written to that address.")));
            }
            Err(EngineError::Store(cause)) => return Err(cause.into()),
        };
        let mut db = self.house.store.read().await?;
        let message = store::message::load(&mut db, &self.staff.practice.id, &id).await?;
        let reason = message.and_then(|m| m.end_reason).unwrap_or_else(|| "no answer".into());
        let reason = end_words(&reason);
        Ok(Err(format!("The {what} did not go. {reason}. Check the account and the sender.")))
    }

    async fn texts(&self) -> Tried {
        let account = match vendors::try_texts(self.house, self.posted).await? {
            Ok(account) => account,
            Err(unfit) => return Ok(Ended::Refused(unfit.errors())),
        };
        store_account(self.house, self.staff, Account::Twilio(account)).await?;
        Ok(Ended::Waiting("The account answers. Now choose the number and enable texts.".into()))
    }

    async fn choose_texts(&self) -> Tried {
        let changed = match self.typed(&[Part::Enabling, Part::Numbers]) {
            Ok(changed) => changed,
            Err(errors) => return Ok(Ended::Refused(errors)),
        };
        let Some(number) = changed.settings.text_number.clone() else {
            let errors = Errors::new().on("text_number", "Enter the number, or get one.");
            return Ok(Ended::Refused(errors));
        };
        if let Some(words) = self.is_foreign(&number).await? {
            return Ok(Ended::Refused(Errors::new().on("text_number", words)));
        }
        if let Err(ended) = self.save(&changed).await? {
            return Ok(ended);
        }
        let s = &changed.settings;
        Ok(Ended::Waiting(match (s.texts_enabled_by_practice, s.text_campaign_registered) {
            (false, _) => "The number is chosen. Texts are not enabled.".into(),
            (true, false) => {
                "The number is chosen. Reminders wait until the A2P campaign is approved.".into()
            }
            (true, true) => "The number is chosen. Text it from your own phone, then check.".into(),
        }))
    }

    /// Why a number is not the account's to use.
    async fn is_foreign(&self, number: &str) -> Result<Option<String>, Failure> {
        let account = {
            let mut db = self.house.store.read().await?;
            store::sender::load_texts(&mut db, &self.staff.practice.id).await?
        };
        let Some(account) = account else {
            return Ok(Some("Connect the Twilio account first.".into()));
        };
        let twilio = match vendors::twilio(self.house, &account) {
            Ok(twilio) => twilio,
            Err(unfit) => return Ok(Some(unfit.words)),
        };
        Ok(match twilio.find_number(number).await {
            Ok(Some(_)) => None,
            Ok(None) => {
                let shown = E164::from_normalised(number).map(|n| n.display());
                let shown = shown.unwrap_or_else(|| number.to_owned());
                Some(format!("{shown} is not a number of this Twilio account. Get it first."))
            }
            Err(cause) => Some(vendors::texts_fault(&cause).words),
        })
    }

    async fn check_texts(&self) -> Tried {
        let practice = &self.staff.practice;
        let mut db = self.house.store.read().await?;
        let rows = store::setup::list_steps(&mut db, &practice.id).await?;
        let row = rows.into_iter().find(|row| row.step == Step::Texting.slug());
        let since = row.map_or(UnixMs(0), |row| UnixMs(row.at_ms)).minus_ms(60 * 60_000);
        let arrived = store::dashboard::count_replies(&mut db, &practice.id, since).await?;
        Ok(if arrived > 0 {
            Ended::done("A text arrived. Replies find their way here.")
        } else {
            Ended::Waiting(
                "No text has arrived yet. Check in Twilio that the number's messaging webhook is \
                 the address for replies below, with POST."
                    .into(),
            )
        })
    }

    fn consent(&self) -> Ended {
        let chosen = self.posted.text("consent_source");
        match setup::CONSENT.iter().find(|(code, _)| *code == chosen) {
            Some((_, words)) => Ended::done(*words),
            None => Ended::Refused(Errors::new().on("consent_source", "Choose one of these.")),
        }
    }

    async fn proof(&self) -> Tried {
        let mut changed = self.staff.practice.clone();
        changed.settings.proof_approved_at = Some(self.now());
        if let Err(ended) = self.save(&changed).await? {
            return Ok(ended);
        }
        Ok(Ended::done(format!("Approved by {}.", self.staff.name)))
    }

    async fn import(&self) -> Tried {
        let mut db = self.house.store.read().await?;
        let practice = &self.staff.practice.id;
        let last = store::dashboard::find_last_import(&mut db, practice).await?;
        Ok(match last {
            Some(_) => Ended::done("Balances were imported and looked through."),
            None => Ended::Refused(Errors::new().overall("Nothing was imported yet.")),
        })
    }

    fn backups(&self) -> Ended {
        if self.posted.has("key_copied") && self.posted.has("backups_known") {
            Ended::done("The key file is kept apart; backups are known.")
        } else {
            let words =
                "Tick both, once they are true. Without the key file no backup can be read.";
            Ended::Refused(Errors::new().on("key_copied", words))
        }
    }

    async fn test(&self) -> Tried {
        self.house.limits.codes.check(self.staff.visit.address())?;
        let (phone, email) = (self.posted.filled("phone"), self.posted.filled("email"));
        if phone.is_none() && email.is_none() {
            let errors = Errors::new().on("phone", "Enter a number or an email address.");
            return Ok(Ended::Refused(errors));
        }
        let mut went = Vec::new();
        if let Some(phone) = phone {
            if let Err(cause) = domain::phone::normalise_us(phone) {
                let errors = Errors::new().on("phone", format!("Enter a US number: {cause}."));
                return Ok(Ended::Refused(errors));
            }
            let practice = &self.staff.practice;
            let body = texts::staff_test(practice.alias());
            let by = self.staff.actor();
            let sent = self.house.engine.send_staff_text(&practice.id, phone, &body, &by).await;
            match self.judge(sent, "text").await? {
                Ok(()) => went.push("text"),
                Err(words) => return Ok(Ended::Failed(words)),
            }
        }
        if let Some(email) = email {
            if domain::phone::normalise_email(email).is_err() {
                let errors = Errors::new().on("email", "Enter an address like name@example.org.");
                return Ok(Ended::Refused(errors));
            }
            match self.send_email(email).await? {
                Ok(()) => went.push("email"),
                Err(words) => return Ok(Ended::Failed(words)),
            }
        }
        Ok(Ended::done(format!(
            "The {} went out. Look whether it arrived.",
            went.join(" and the ")
        )))
    }

    async fn live(&self) -> Tried {
        let practice = &self.staff.practice;
        if !setup::blockers(self.house, practice).await?.is_empty() {
            let words = "Something is still missing; see below.";
            return Ok(Ended::Refused(Errors::new().overall(words)));
        }
        let (id, world) = (practice.id.clone(), self.house.world.clone());
        let entry = self.staff.entry("went_live", "practice", id.as_str());
        let written = self.house.store.write(move |db| {
            let (id, world, entry) = (id.clone(), world.clone(), entry.clone());
            Box::pin(async move {
                store::practice::mark_live(db, &id, world.now()).await?;
                store::audit::insert(db, &world, &entry).await
            })
        });
        written.await?;
        self.house.bell.notify_one();
        Ok(Ended::done("The practice is live."))
    }
}
