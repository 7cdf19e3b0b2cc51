# What stands around and on every page.
months = Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
before-noon = AM
after-noon = PM
day-full = { $month } { $day }, { $year }
instant-short = { $month } { $day }, { $time }
instant-full = { $date }, { $time } { $zone }
title-error = Error:
skip-to-content = Skip to content
nav-account = Your account
nav-bill = Your bill
nav-notices = Messages
nav-receipts = Receipts
nav-preferences = Text and email settings
is-this-message-real = Is this message real?
foot-call = Questions? Call { $alias }:
