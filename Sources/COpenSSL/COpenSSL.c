// Everything so far is imported as it is; macros that Swift cannot see get their wrappers here.
#include "COpenSSL.h"
