# Lo que rodea cada página.
months = ene feb mar abr may jun jul ago sep oct nov dic
before-noon = a. m.
after-noon = p. m.
day-full = { $day } { $month } { $year }
instant-short = { $day } { $month }, { $time }
instant-full = { $date }, { $time } { $zone }
title-error = Error:
skip-to-content = Ir al contenido
nav-account = Su cuenta
nav-bill = Su factura
nav-notices = Avisos
nav-receipts = Recibos
nav-preferences = Mensajes y correos
is-this-message-real = ¿Es real este mensaje?
foot-call = ¿Preguntas? Llame a { $alias }:
