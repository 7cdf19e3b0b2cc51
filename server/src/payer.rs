//! Who is paying, and on which account: the holder of a link, or a signed-in patient.
//!
//! A form of the pay page carries a sealed reference of its account, so that two links in two tabs
//! cannot swap accounts, and a page that was open for long can say so instead of losing what was
//! typed. The reference opens paying and nothing else, like the link it stands for.

use actix_web::HttpRequest;
use app::{pages::PatientShell, words::Lang};
use domain::{
    balance::{AccountDue, due},
    clock::UnixMs,
    holds::{Hold, can_be_paid_online},
    id::{AttemptId, ClaimId, GuarantorId, PracticeId},
    payment::{AmountRange, AmountRules, Source},
    practice::Practice,
};
use store::{Db, attempt::Attempt, audit::Actor, glance::Glance, link::Link, merchant::Merchant};

use crate::{
    choice::Choice,
    clock::real_now,
    failure::Failure,
    headers::origin,
    house::House,
    session::Patient,
    visit::{self, PAY_PASS_MS, Reached, Visit, short},
};

const LINK_PURPOSE: &str = "pay form of a link";
const ACCOUNT_PURPOSE: &str = "pay form of an account";
/// Declines on one link or account within an hour, after which the card is typed on the processor's
/// page alone, where it defends itself (R76).
const DECLINES_MOST: i64 = 5;
const DECLINES_WITHIN_MS: i64 = domain::clock::HOUR_MS;

/// Somebody who may pay on an account.
pub struct Payer {
    pub practice: Practice,
    pub guarantor: GuarantorId,
    pub way: Way,
}

pub enum Way {
    /// Whoever holds the link: pays, and sees nothing (R33).
    Link(Box<Link>),
    /// Signed in, with what was ticked on the bill, if anything.
    Account(Box<Patient>, Option<Choice>),
}

/// What a posted reference turned out to be.
pub enum Reference {
    Valid(Payer),
    /// Ours, but older than the pay pass: show the page again, with what was typed.
    Lapsed(Payer),
    /// Forged, or its link works no more.
    Gone,
}

impl Payer {
    /// The payer of `GET /pay`. A visit chosen on the bill comes first, then the link opened last,
    /// then the account that is signed in.
    pub async fn find(house: &House, visit: &Visit) -> Result<Option<Self>, Failure> {
        if let Some((patient, choice)) = Choice::find(house, visit).await? {
            let practice = patient.practice.clone();
            let guarantor = choice.guarantor.clone();
            let way = Way::Account(Box::new(patient), Some(choice));
            return Ok(Some(Self { practice, guarantor, way }));
        }
        if let Some(pass) = visit.pay_pass() {
            return Self::of_link(house, &pass.link_hash).await;
        }
        let Some(patient) = Patient::find(house, visit).await? else { return Ok(None) };
        let [guarantor] = patient.guarantors.as_slice() else {
            // Which of several is a question for the bill.
            return Err(Failure::See("/account".into()));
        };
        let (practice, guarantor) = (patient.practice.clone(), guarantor.clone());
        Ok(Some(Self { practice, guarantor, way: Way::Account(Box::new(patient), None) }))
    }

    /// The payer of `GET /pay` when it is the holder of a link and nothing else is to be looked at,
    /// with what the page asks; `None` when there is more to it, and [`Payer::find`] tells.
    pub async fn at_a_glance(
        house: &House,
        db: &mut Db,
        visit: &Visit,
    ) -> Result<Option<(Self, Glance)>, Failure> {
        let pass = visit.pay_pass().filter(|_| visit.choice_cookie().is_none());
        let Some(pass) = pass else { return Ok(None) };
        let now = house.world.now();
        let declined_since = now.minus_ms(DECLINES_WITHIN_MS);
        let seen = store::glance::find(db, &pass.link_hash, now, declined_since).await?;
        Ok(seen.map(|seen| {
            let (practice, guarantor) = (seen.practice.clone(), seen.guarantor().clone());
            let way = Way::Link(Box::new(seen.link.clone()));
            (Self { practice, guarantor, way }, seen)
        }))
    }

    /// The holder of one of the links this browser has open, by the start of its hash.
    pub async fn of_open_link(
        house: &House,
        visit: &Visit,
        label: Option<&str>,
    ) -> Result<Option<Self>, Failure> {
        let mut passes = visit.pay_passes().iter();
        let pass = match label {
            Some(label) => passes.find(|pass| short(&pass.link_hash) == label),
            None => passes.next(),
        };
        match pass {
            Some(pass) => Self::of_link(house, &pass.link_hash).await,
            None => Ok(None),
        }
    }

    async fn of_link(house: &House, hash: &str) -> Result<Option<Self>, Failure> {
        let mut db = house.store.read().await?;
        let link = store::link::find_by_hash(&mut db, hash, house.world.now()).await?;
        let Some(link) = link else { return Ok(None) };
        let practice = store::practice::load(&mut db, &link.practice).await?;
        let Some(practice) = practice else { return Ok(None) };
        let guarantor = link.guarantor.clone();
        Ok(Some(Self { practice, guarantor, way: Way::Link(Box::new(link)) }))
    }

    /// Everybody this browser may pay for: its open links, then its signed-in accounts.
    pub async fn list(house: &House, visit: &Visit) -> Result<Vec<Self>, Failure> {
        let mut payers = Vec::new();
        for pass in visit.pay_passes() {
            payers.extend(Self::of_link(house, &pass.link_hash).await?);
        }
        if let Some(patient) = Patient::find(house, visit).await? {
            for guarantor in patient.guarantors.clone() {
                let practice = patient.practice.clone();
                let way = Way::Account(Box::new(patient.clone()), None);
                payers.push(Self { practice, guarantor, way });
            }
        }
        Ok(payers)
    }

    /// The hidden field of a form about this account.
    pub fn reference(&self, house: &House) -> String {
        let keys = house.store.keys();
        let until = real_now().plus_ms(PAY_PASS_MS).0.to_string();
        match &self.way {
            Way::Link(link) => {
                let hash = &link.token_hash;
                let signature = keys.sign(LINK_PURPOSE, &[hash, &until]);
                format!("l.{hash}.{until}.{signature}")
            }
            Way::Account(patient, choice) => {
                let (session, guarantor) = (&patient.session.token_hash, self.guarantor.as_str());
                let chosen = mark_of(patient, choice.as_ref());
                let parts = [session, guarantor, chosen.as_str(), until.as_str()];
                let signature = keys.sign(ACCOUNT_PURPOSE, &parts);
                format!("a.{guarantor}_{chosen}.{until}.{signature}")
            }
        }
    }

    /// Reads the field back.
    pub async fn of_reference(
        house: &House,
        visit: &Visit,
        field: &str,
    ) -> Result<Reference, Failure> {
        let mut parts = field.splitn(4, '.');
        let (Some(kind), Some(what), Some(until), Some(signature)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Ok(Reference::Gone);
        };
        let found = match kind {
            "l" if house.store.keys().is_signed(LINK_PURPOSE, &[what, until], signature) => {
                Self::of_link(house, what).await?
            }
            "a" => Self::of_account(house, visit, what, until, signature).await?,
            _ => None,
        };
        let has_lapsed = until.parse().map_or(true, |until| UnixMs(until) <= real_now());
        Ok(match found {
            Some(payer) if has_lapsed => Reference::Lapsed(payer),
            Some(payer) => Reference::Valid(payer),
            None => Reference::Gone,
        })
    }

    async fn of_account(
        house: &House,
        visit: &Visit,
        what: &str,
        until: &str,
        signature: &str,
    ) -> Result<Option<Self>, Failure> {
        let Some((guarantor, chosen)) = what.rsplit_once('_') else { return Ok(None) };
        let again = || Failure::SignIn { at: "/sign-in", back: "/pay".into() };
        let patient = Patient::find(house, visit).await?.ok_or_else(again)?;
        let signed = [&patient.session.token_hash, guarantor, chosen, until];
        let is_ours = house.store.keys().is_signed(ACCOUNT_PURPOSE, &signed, signature);
        let guarantor = GuarantorId::trusted(guarantor);
        if !is_ours || !patient.guarantors.contains(&guarantor) {
            return Ok(None);
        }
        // The visits of the page that was shown; another tab may have chosen others since.
        let choice = Choice::of(house, &patient);
        let choice = choice.filter(|c| mark_of(&patient, Some(c)) == chosen);
        let practice = patient.practice.clone();
        Ok(Some(Self { practice, guarantor, way: Way::Account(Box::new(patient), choice) }))
    }

    pub fn link(&self) -> Option<&Link> {
        match &self.way {
            Way::Link(link) => Some(link),
            Way::Account(..) => None,
        }
    }

    pub fn is_signed_in(&self) -> bool {
        matches!(self.way, Way::Account(..))
    }

    pub fn source(&self) -> Source {
        match self.way {
            Way::Link(_) => Source::Link,
            Way::Account(..) => Source::Portal,
        }
    }

    pub fn actor(&self) -> Actor {
        match &self.way {
            Way::Link(link) => Actor::LinkHolder(short(&link.token_hash)),
            Way::Account(patient, _) => patient.actor(),
        }
    }

    pub fn chosen_claims(&self) -> Vec<ClaimId> {
        match &self.way {
            Way::Account(_, Some(choice)) => choice.claims.clone(),
            _ => Vec::new(),
        }
    }

    /// What names the payer in limits.
    pub fn limit_key(&self) -> String {
        self.link().map_or_else(|| self.guarantor.to_string(), |link| link.token_hash.clone())
    }

    /// Lets the browser come back here from the processor's page.
    pub fn keep_pass(&self, house: &House, visit: &Visit) {
        if let Way::Link(link) = &self.way {
            visit.grant_pay(house, &link.token_hash);
        }
    }

    /// Chosen by hand, else the account's, else the browser's.
    pub async fn lang(&self, db: &mut Db, visit: &Visit) -> Result<Lang, Failure> {
        if let Some(lang) = visit.chosen_lang() {
            return Ok(lang);
        }
        let known = store::guarantor::find_language(db, &self.practice.id, &self.guarantor).await?;
        Ok(visit.lang_for(known))
    }

    /// The frame of this payer's pages. `path` is shown again after a change of language.
    pub fn shell(&self, house: &House, visit: &Visit, lang: Lang, path: &str) -> PatientShell {
        let signed_in = self.is_signed_in();
        let mut shell = visit::patient_shell(house, visit, &self.practice, lang, signed_in);
        path.clone_into(&mut shell.path);
        shell
    }

    /// An attempt of this account.
    pub async fn find_attempt(
        &self,
        db: &mut Db,
        id: &AttemptId,
    ) -> Result<Option<Attempt>, Failure> {
        let found = store::attempt::find(db, &self.practice.id, id).await?;
        Ok(found.filter(|attempt| attempt.guarantor == self.guarantor))
    }
}

/// Tells one choice of visits from another.
fn mark_of(patient: &Patient, choice: Option<&Choice>) -> String {
    match (choice, patient.visit.choice_cookie()) {
        (Some(_), Some(cookie)) => short(&store::keys::token_hash(cookie)).replace(['.', '_'], "-"),
        _ => "all".to_owned(),
    }
}

/// How an account stands for somebody who wants to pay.
pub enum Standing {
    Payable(Box<Payable>),
    NothingDue,
    /// A hold, an agency, a held import, no processor, less than the processor takes, or a server that
    /// cannot write.
    NotOnline,
}

pub struct Payable {
    pub account: AccountDue,
    pub range: AmountRange,
    pub merchant: Merchant,
    /// So many cards were declined that only the processor's page remains.
    pub too_many_declines: bool,
}

impl Payable {
    /// The card form of our own page is offered.
    pub fn has_card_form(&self, practice: &Practice) -> bool {
        !practice.settings.checkout_only
            && !self.too_many_declines
            && !self.merchant.publishable_key.is_empty()
    }
}

/// What a standing is judged by.
struct Ground {
    holds: Vec<Hold>,
    import_is_held: bool,
    account: AccountDue,
    merchant: Option<Merchant>,
    declined: i64,
}

impl Standing {
    pub async fn load(house: &House, db: &mut Db, payer: &Payer) -> Result<Self, Failure> {
        let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
        let now = house.world.now();
        let ground = Ground {
            holds: load_holds(db, practice, guarantor).await?,
            import_is_held: store::import::count_holding(db, practice).await? > 0,
            account: due(&store::balance::load(db, practice, guarantor).await?),
            merchant: store::merchant::load(db, practice).await?,
            declined: count_declines(db, payer, now).await?,
        };
        Ok(Self::of(house, &payer.practice, ground))
    }

    /// The same where most of it was read with the link.
    pub async fn at_a_glance(house: &House, db: &mut Db, seen: &Glance) -> Result<Self, Failure> {
        let (practice, guarantor) = (&seen.practice.id, seen.guarantor());
        let holds = match seen.has_holds {
            true => load_holds(db, practice, guarantor).await?,
            false => Vec::new(),
        };
        let account = match seen.has_payments {
            true => store::balance::load(db, practice, guarantor).await?,
            false => store::balance::load_unpaid(db, practice, guarantor).await?,
        };
        let ground = Ground {
            holds,
            import_is_held: seen.import_is_held,
            account: due(&account),
            merchant: seen.merchant.clone(),
            declined: seen.declined,
        };
        Ok(Self::of(house, &seen.practice, ground))
    }

    fn of(house: &House, practice: &Practice, ground: Ground) -> Self {
        let Ground { holds, import_is_held, account, merchant, declined } = ground;
        // Nothing can be written down, so nothing is taken (R61).
        let can_write = house.store.is_healthy();
        if !can_write || !can_be_paid_online(&holds, import_is_held, house.world.now()) {
            return Self::NotOnline;
        }
        if !account.due.is_positive() {
            // What is with an agency is paid to the agency (D-51).
            let is_placed = account.in_collections.is_positive();
            return if is_placed { Self::NotOnline } else { Self::NothingDue };
        }
        let settings = &practice.settings;
        let rules = AmountRules {
            minimum: settings.minimum_payment,
            overpayment_is_allowed: settings.overpayment_is_allowed,
        };
        let (Some(range), Some(merchant)) = (rules.range(account.due), merchant) else {
            return Self::NotOnline;
        };
        let too_many_declines = declined >= DECLINES_MOST;
        Self::Payable(Box::new(Payable { account, range, merchant, too_many_declines }))
    }
}

async fn load_holds(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<Hold>, Failure> {
    let holds = store::hold::load_many(db, practice, std::slice::from_ref(guarantor)).await?;
    Ok(holds.values().flatten().map(store::hold::Hold::rule).collect())
}

async fn count_declines(db: &mut Db, payer: &Payer, now: UnixMs) -> Result<i64, Failure> {
    let (practice, since) = (&payer.practice.id, now.minus_ms(DECLINES_WITHIN_MS));
    Ok(match payer.link() {
        Some(link) => {
            let hash = &link.token_hash;
            store::attempt::count_declined_on_link(db, practice, hash, since).await?
        }
        None => store::attempt::count_declined(db, practice, &payer.guarantor, since).await?,
    })
}

/// Where this browser reaches us: the practice's own address or the server's. A Host header is
/// believed only where neither is configured (R51).
pub fn own_base(house: &House, request: &HttpRequest, practice: &Practice) -> String {
    let practices = practice.settings.public_base.trim_end_matches('/');
    let servers = house.config.public_base.as_deref().unwrap_or_default().trim_end_matches('/');
    let Reached { scheme, host } = visit::reached(request, house);
    let is_here =
        |base: &str| origin(base).split_once("://").is_some_and(|(_, authority)| authority == host);
    match (practices, servers) {
        ("", "") => format!("{scheme}://{host}"),
        (_, servers) if is_here(servers) => servers.to_owned(),
        ("", servers) => servers.to_owned(),
        (practices, _) => practices.to_owned(),
    }
}
