/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "he-error.h"

G_DEFINE_QUARK (he - error - quark, he_error)
